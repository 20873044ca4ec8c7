"""Recordings made by version 0.2.0.dev0 give the events that they gave then, whatever has been moved or rewritten.

The model is that of then, `hitrs_tiny_3`.

`recordings/` holds three of synthetic figures: one person; two people at 15 frames a second who are out of sight for a
while; three people with noise, lost frames and lost joints. `recordings/events.json` is what each gave:

- the SHA-256 of every message but statuses, as JSON without its floating-point numbers, which differ in their last
  digits between processors;
- the actions' scores, which are compared within 0.001.

After an intended change of behaviour, write it again: `python tests/test_recorded_events.py`.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import hitrs_live
from hitrs_live.wire.json_codec import to_json

RECORDINGS = Path(__file__).parent / "recordings"
EXPECTED = RECORDINGS / "events.json"
SCORE_TOLERANCE = 1e-3
"""Processors and numbers of threads order sums differently: logits differ by about 1e-5."""


def replay(name: str) -> dict[str, Any]:
    """Replay a recording by the reference engine; return its messages' hash and its actions."""
    digest, actions = hashlib.sha256(), []
    path = RECORDINGS / f"{name}.mcap"
    with hitrs_live.run(
        replay=path,
        speed="max",
        publish__pose=True,
        model__engine="torch",
        model__threads=1,
        model__checkpoint="hitrs_tiny_3",
    ) as messages:
        for message in messages:
            if isinstance(message, hitrs_live.Status):
                continue
            fields = json.loads(to_json(message))
            # The time of publishing is that of this run.
            fields.pop("publish_time_ns")
            digest.update(json.dumps(without_floats(fields), sort_keys=True).encode() + b"\n")
            if isinstance(message, hitrs_live.ActionEvent) and message.state != "update":
                actions.append([message.state, message.label, message.track_id, round(message.score, 4)])
    return {"sha256": digest.hexdigest(), "actions": actions}


def without_floats(value: Any) -> Any:
    """Leave out every floating-point number of a message."""
    if isinstance(value, dict):
        return {key: without_floats(one) for key, one in value.items()}
    if isinstance(value, list):
        return [without_floats(one) for one in value]
    return None if isinstance(value, float) else value


@pytest.mark.slow
@pytest.mark.parametrize("name", ["one_person", "two_people_at_15_fps", "three_people_with_noise"])
def test_a_recording_of_an_earlier_version_gives_the_same_events(name: str) -> None:
    expected, got = json.loads(EXPECTED.read_text())[name], replay(name)
    assert [action[:3] for action in got["actions"]] == [action[:3] for action in expected["actions"]]
    scores = [action[3] for action in got["actions"]]
    assert scores == pytest.approx([action[3] for action in expected["actions"]], abs=SCORE_TOLERANCE)
    assert got["sha256"] == expected["sha256"], "actions are the same; another message differs"
    assert expected["actions"]


if __name__ == "__main__":
    names = sorted(path.stem for path in RECORDINGS.glob("*.mcap"))
    EXPECTED.write_text(json.dumps({name: replay(name) for name in names}, indent=1) + "\n")
