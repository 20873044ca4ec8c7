"""What fails in a pipeline ends only itself, and the status says why."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pipeline_runs import ENDED, UP, ScriptedSource, demo_frames, last_status, make_pipeline, of, run

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.errors import SourceLost
from hitrs_live.messages import (
    MAX_TIME_NS,
    AnyMessage,
    Scene,
    SourceEvent,
    Status,
)
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.sources.base import SourceItem
from hitrs_live.transport.recorder import Recorder
from hitrs_live.transport.sink import ListSink


def test_a_source_of_pictures_needs_a_pose_estimator() -> None:
    source = ScriptedSource([])
    source.has_pictures = True  # type: ignore[misc]
    with pytest.raises(ValueError, match="expected a pose estimator"):
        InputStream(source=source)


@pytest.mark.slow
def test_a_clock_that_jumps_across_the_range_of_message_times_ends_no_source(checkpoint: Checkpoint) -> None:
    jumps = [0, MAX_TIME_NS - 10**12, -MAX_TIME_NS, 5, MAX_TIME_NS - 10**12]
    frames = [replace(f, capture_time_ns=jump + f.capture_time_ns) for jump in jumps for f in demo_frames(1.0)]
    messages = run([UP, *frames], checkpoint)
    last = last_status(messages)
    assert (last.frames, last.state) == (len(frames), "ended")
    assert all(abs(m.utc_ns or 0) <= MAX_TIME_NS for m in messages)


class QuietView:
    """Show nothing; count the scenes."""

    notices, lost = (), 0

    def __init__(self) -> None:
        self.shown = 0
        self.closed = 0

    def show(self, scene: Scene) -> None:
        self.shown += 1

    def close(self) -> None:
        self.closed += 1


class FaultyView(QuietView):
    """Raise at the third picture, and again when closed."""

    def show(self, scene: Scene) -> None:
        super().show(scene)
        if self.shown == 3:
            raise RuntimeError("no screen\nany more")

    def close(self) -> None:
        super().close()
        raise OSError("cannot be closed either")


class FaultyRecorder(Recorder):
    """Raise at the tenth message an error that a recorder does not handle itself."""

    written = 0

    def publish(self, message: AnyMessage) -> AnyMessage:
        self.written += 1
        if self.written == 10:
            raise ValueError("not to be written")
        return super().publish(message)


@pytest.mark.slow
def test_a_view_and_a_recording_that_fail_end_alone_and_the_status_says_why(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    broken, sound, elsewhere = FaultyView(), QuietView(), QuietView()
    recorder = FaultyRecorder(tmp_path / "a.mcap", session_id="s", source_id="a")
    sink = ListSink()
    make_pipeline(
        [
            InputStream(
                source=ScriptedSource([UP, *demo_frames(1.0), ENDED], "a"), sinks=(recorder,), viewers=(broken, sound)
            ),
            InputStream(source=ScriptedSource([UP, *demo_frames(1.0), ENDED], "b"), viewers=(elsewhere,)),
        ],
        checkpoint,
        sink,
    ).run()
    assert (broken.shown, sound.shown, elsewhere.shown, recorder.written) == (3, 30, 30, 10)
    assert (broken.closed, sound.closed, elsewhere.closed) == (1, 1, 1)
    last = {message.source_id: message for message in sink.messages if isinstance(message, Status)}
    assert last["a"].notices == (
        "view FaultyView ended by RuntimeError: no screen any more",
        "view FaultyView ended by OSError: cannot be closed either",
        "the recording ended by ValueError: not to be written",
    )
    assert (last["b"].notices, last["a"].frames, last["b"].frames) == ((), 30, 30)
    # Nine messages were recorded, of the joints of 30 frames and the published messages but the last status.
    published = sum(message.source_id == "a" for message in sink.messages)
    assert last["a"].drops == {"record": 30 + published - 1 - 9}
    assert last["b"].drops == {}


def test_a_view_whose_closing_fails_is_in_the_last_status_and_the_other_views_are_closed(
    checkpoint: Checkpoint,
) -> None:
    class Unfinished(QuietView):
        def close(self) -> None:
            raise OSError("disk full")

    sink, other = ListSink(), QuietView()
    source = ScriptedSource([UP, *demo_frames(0.5), ENDED])
    input_stream = InputStream(source=source, viewers=(Unfinished(), other))
    make_pipeline([input_stream], checkpoint, sink).run()
    assert other.closed == 1
    assert sink.messages[-1].notices == ("view Unfinished ended by OSError: disk full",)  # type: ignore[union-attr]


def test_a_source_that_ends_by_a_fault_has_the_fault_in_its_last_event(checkpoint: Checkpoint) -> None:
    class Breaking(ScriptedSource):
        def read(self, timeout_s: float) -> Sequence[SourceItem]:
            items = super().read(timeout_s)
            if not items:
                raise SourceLost("the file broke off")
            return items

    sink = ListSink("session")
    pipeline = make_pipeline([Breaking([UP, *demo_frames(0.2)])], checkpoint, sink)
    with pytest.raises(SourceLost):
        pipeline.run()
    ended = of(sink.messages, SourceEvent)[-1]
    assert isinstance(ended, SourceEvent)
    assert (ended.state, ended.detail, ended.fault) == ("ended", "the file broke off", True)
