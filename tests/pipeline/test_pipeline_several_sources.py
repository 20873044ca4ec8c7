"""Several sources in one pipeline: each as if it were alone, also where another one fails."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from pipeline_runs import EVERY_CLIP, UP, ScriptedSource, actions, demo_frames, last_status, make_pipeline
from torch import Tensor

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config, override
from hitrs_live.errors import PoseProcessFailed
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.messages import (
    ActionEvent,
    AnyMessage,
    ScoreEvent,
    SourceChange,
    SourceEvent,
    Status,
)
from hitrs_live.sources.base import SourceItem
from hitrs_live.transport.sink import ListSink


def published_of(messages: list[AnyMessage], source_id: str) -> list[tuple[object, ...]]:
    """Return what was published of one source, rounded: results of a larger batch may differ in the last digit."""

    def rounded(message: AnyMessage) -> tuple[object, ...]:
        if isinstance(message, ScoreEvent):
            # Classes of nearly equal scores may change places.
            return (message.topic, message.capture_time_ns, message.labels[0], round(message.scores[0], 2))
        if isinstance(message, ActionEvent):
            return (message.topic, message.seq, message.state, message.label, message.onset_time_ns, message.reason)
        return (message.topic, message.seq, message.capture_time_ns)

    return [rounded(m) for m in messages if m.source_id == source_id and not isinstance(m, Status)]


@pytest.mark.slow
def test_several_sources_give_the_messages_that_each_gives_alone_and_share_batches(checkpoint: Checkpoint) -> None:
    frames, ended = demo_frames(15.0), SourceChange(state="ended", time_ns=15_000_000_000)
    scripts = {"door": [UP, *frames, ended], "hall": [UP, *frames[60:350], ended], "yard": [UP, *frames[::2], ended]}
    batches: list[int] = []

    class Watched(TorchEngine):
        def encode_frames(self, joints: Tensor) -> Tensor:
            batches.append(len(joints))
            return super().encode_frames(joints)

    sink = ListSink()
    sources = [ScriptedSource(items, name) for name, items in scripts.items()]
    config = override(EVERY_CLIP, {"model.gather_ms": 1000.0})
    make_pipeline(sources, checkpoint, sink, config, engine=Watched(checkpoint.model)).run()
    for name, items in scripts.items():
        alone = ListSink()
        make_pipeline([ScriptedSource(items, name)], checkpoint, alone).run()
        assert published_of(sink.messages, name) == published_of(alone.messages, name)
        assert actions(alone.messages)
        last = [message for message in sink.messages if message.source_id == name][-1]
        assert last is last_status(sink.messages, name)
        assert last_status(sink.messages, name).state == "ended"
    # How often frames of all sources meet in one batch depends on the machine; that they can does not.
    assert 2 * 3 in batches, "three people and their mirror images"


@pytest.mark.slow
def test_a_source_that_fails_ends_alone_and_its_fault_is_raised_once_all_have_ended(checkpoint: Checkpoint) -> None:
    class Failing(ScriptedSource):
        def read(self, timeout_s: float) -> Sequence[SourceItem]:
            items = super().read(timeout_s)
            if not items:
                raise PoseProcessFailed("five times in a row")
            return items

    sink = ListSink()
    sound = ScriptedSource([UP, *demo_frames(6.0), SourceChange(state="ended", time_ns=6_000_000_000)], "sound")
    sources = [Failing([UP, *demo_frames(1.0)], "broken"), sound]
    with pytest.raises(PoseProcessFailed, match="five times in a row"):
        make_pipeline(sources, checkpoint, sink, Config()).run()
    ends = {m.source_id: (m.state, m.detail) for m in sink.messages if isinstance(m, SourceEvent)}
    assert ends == {"broken": ("ended", "five times in a row"), "sound": ("ended", "")}
    assert last_status(sink.messages, "sound").frames == 180


@pytest.mark.slow
def test_a_source_whose_frames_make_a_stage_raise_ends_alone_and_the_fault_is_raised_afterwards(
    checkpoint: Checkpoint,
) -> None:
    sink = ListSink()

    class Breaking(ScriptedSource):
        broken = closed = 0

        def read(self, timeout_s: float) -> Sequence[SourceItem]:
            if not any(event.source_id == self.source_id for event in actions(sink.messages)):
                return super().read(timeout_s)
            self.broken += 1
            return (replace(demo_frames(0.1)[0], capture_time_ns=2**64),)

        def close(self) -> None:
            self.closed += 1

    breaking = Breaking([UP, *demo_frames(40.0)], "broken")
    sound = ScriptedSource([UP, *demo_frames(6.0), SourceChange(state="ended", time_ns=6_000_000_000)], "sound")
    with pytest.raises(OverflowError):
        make_pipeline([breaking, sound], checkpoint, sink).run()
    assert (breaking.broken, breaking.closed > 0) == (1, True), "it is read no further"
    ends = {m.source_id: m for m in sink.messages if isinstance(m, SourceEvent)}
    assert (ends["broken"].state, ends["broken"].fault) == ("ended", True)
    assert ends["broken"].detail.startswith("OverflowError: ")
    broken = [event for event in actions(sink.messages) if event.source_id == "broken"]
    assert [(event.state, event.reason) for event in broken][-1] == ("end", "source_lost")
    assert (ends["sound"].state, ends["sound"].fault) == ("ended", False)
    assert last_status(sink.messages, "sound").frames == 180
