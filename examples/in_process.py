"""Print the actions in front of a camera, in one process: `python examples/in_process.py`."""

from hitrs_live import ActionEvent, SourceEvent, run

with run(camera=0) as events:
    for event in events:
        if isinstance(event, ActionEvent):
            print(f"{event.state:6} {event.label} {event.score:.2f} track {event.track_id}", flush=True)
        elif isinstance(event, SourceEvent):
            print(f"camera {event.state}: {event.detail}", flush=True)
