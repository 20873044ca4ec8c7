"""Follow right hands without the delay of camera and model: start a pipeline with --now, then this.

    python examples/by_now.py [tcp://HOST:PORT]

A pose is some 50 ms old when it is told. Where the person's motion is well predicted, it is told for that moment too;
else what was measured is the best that is known.
"""

import sys

from hitrs_live import subscribe
from hitrs_live.skeleton import NTU25

HAND = NTU25.index("right_hand")

url = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556"
with subscribe(url, topics="pose") as messages:
    for pose in messages:
        joints_m = (pose.now_joints_m or pose.joints_m).numpy()
        x, y, z = joints_m[HAND]
        moved_on = f"carried on by {pose.now_ahead_ms:.0f} ms" if pose.now_joints_m else "as measured"
        print(f"track {pose.track_id}  {x:+.2f} {y:+.2f} {z:+.2f} m  {moved_on}", flush=True)
