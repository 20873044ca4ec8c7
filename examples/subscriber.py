"""Print the actions that a pipeline detects: `python examples/subscriber.py [tcp://HOST:PORT]`."""

import sys

from hitrs_live import subscribe

url = sys.argv[1] if len(sys.argv) > 1 else "tcp://127.0.0.1:5556"
with subscribe(url, topics="action", on_gap=print) as messages:
    for event in messages:
        print(f"{event.state:6} {event.label} {event.score:.2f} track {event.track_id}", flush=True)
