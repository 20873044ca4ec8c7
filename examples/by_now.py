"""Follow right hands without the latency of camera and model: start a pipeline with --now, then this.

    python examples/by_now.py [tcp://HOST:PORT]

A pose is about 50 ms old when it is published. If the person's motion predictions are reliable, the message also has
the pose extrapolated to the time of publishing; otherwise the measured pose is the best estimate.
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
        kind = f"extrapolated by {pose.now_ahead_ms:.0f} ms" if pose.now_joints_m else "as measured"
        print(f"track {pose.track_id}  {x:+.2f} {y:+.2f} {z:+.2f} m  {kind}", flush=True)
