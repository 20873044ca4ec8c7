"""The pipeline inside a user's program: the same events, and no thread left however the run is left."""

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest
from patience import wait_until

import hitrs_live
from hitrs_live.checkpoint import SHIPPED, load_checkpoint
from hitrs_live.config import Config, ModelConfig, override
from hitrs_live.errors import CheckpointMismatch
from hitrs_live.files.checkpoint_file import KEY
from hitrs_live.messages import ActionEvent, AnyMessage, ScoreEvent, SourceEvent, Status
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.pipeline import Pipeline
from hitrs_live.sources.demo.source import DemoSource
from hitrs_live.sources.ntu import NtuReplaySource
from hitrs_live.sources.ntu_format import NtuBody, write_skeleton
from hitrs_live.streaming.hitrs_stream import HitrsLoader
from hitrs_live.streaming.thresholds import find_thresholds
from hitrs_live.transport.sink import ListSink
from hitrs_live.wire.json_codec import to_json

LONG_S = 600.0
"""Longer than any test waits."""
QUICK = {"model__update": "clip", "model__engine": "torch"}


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve seconds of the demo figure as a file."""
    path = tmp_path_factory.mktemp("replay") / "S001C001P001R001A001.skeleton"
    frames = DemoSource("max").joints_m[0][:360]
    sure = np.ones(25, np.float32)
    write_skeleton(path, [(NtuBody(body_id="1", joints_m=joints, confidence=sure),) for joints in frames])
    return path


@pytest.fixture(autouse=True)
def _nothing_stays_behind() -> Iterator[None]:
    yield
    gc.collect()
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith(("hitrs-live", "sink ", "demo", "S001"))], names


def events(messages: list[AnyMessage]) -> list[bytes]:
    return [
        to_json(msgspec.structs.replace(message, session_id="", publish_time_ns=0, utc_ns=None))
        for message in messages
        if not isinstance(message, Status)
    ]


@pytest.mark.slow
def test_a_file_gives_the_messages_of_the_pipeline_and_a_slow_reader_loses_none(file: Path) -> None:
    run = hitrs_live.run(replay=file, speed="max", capacity=2, **QUICK)
    messages = list(run)
    sink, checkpoint = ListSink(), load_checkpoint()
    Pipeline(
        [InputStream(source=NtuReplaySource(file, "max"))],
        model=HitrsLoader(checkpoint, ModelConfig(update="clip")),
        config=override(Config(), {"model.update": "clip"}),
        sink=sink,
        thresholds=find_thresholds("", checkpoint, SHIPPED),
    ).run()
    assert events(messages) == events(sink.messages)
    assert any(isinstance(message, ActionEvent) for message in messages)
    assert (run.drops, run.is_running, run.address) == (0, False, None)
    assert {message.session_id for message in messages} == {run.session_id}


@pytest.mark.slow
def test_leaving_the_loop_ends_the_run() -> None:
    for event in hitrs_live.run(demo=True, **QUICK):
        assert isinstance(event, SourceEvent)
        break
    # The fixture checks that no thread is left.


@pytest.mark.slow
def test_an_exception_in_the_loop_ends_the_run() -> None:
    def fail() -> None:
        for _ in hitrs_live.run(demo=True, **QUICK):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()


@pytest.mark.slow
def test_a_with_closes_the_run_and_it_may_be_closed_again() -> None:
    with hitrs_live.run(demo=True, **QUICK) as run:
        next(run)
        assert run.is_running
    assert not run.is_running
    run.close()
    assert list(run) == []


@pytest.mark.slow
def test_a_run_without_a_reference_to_it_ends() -> None:
    run = hitrs_live.run(demo=True, **QUICK)
    del run


@pytest.mark.slow
def test_a_stopped_run_ends_running_actions_and_its_last_messages_can_be_read() -> None:
    run = hitrs_live.run(demo=True, speed="max", **QUICK)
    messages = []
    for message in run:
        messages.append(message)
        if isinstance(message, ActionEvent):
            run.stop()
    states = [(m.state, m.detail) for m in messages if isinstance(m, SourceEvent)]
    assert states[-1] == ("ended", "shutdown")
    assert isinstance(messages[-1], Status)
    actions = [message for message in messages if isinstance(message, ActionEvent)]
    assert (actions[-1].state, actions[-1].reason) == ("end", "shutdown")


@pytest.mark.slow
def test_a_sink_gets_every_message_and_its_errors_are_reported_and_end_nothing(file: Path) -> None:
    had: list[AnyMessage] = []

    def remember(message: AnyMessage) -> None:
        had.append(message)
        if isinstance(message, ScoreEvent):
            raise RuntimeError("not this one")

    run = hitrs_live.run(replay=file, speed="max", sink=remember, capacity=5, publish__status_every_s=0.001, **QUICK)
    assert run.wait(LONG_S)
    scores = [message for message in had if isinstance(message, ScoreEvent)]
    assert len(scores) == run.sink_errors > 5
    assert isinstance(had[-1], Status)
    assert any("sink remember failed" in notice for notice in had[-1].notices)
    assert run.drops == 0
    for topic in {message.topic for message in had}:
        assert [m.seq for m in had if m.topic == topic] == list(range(sum(m.topic == topic for m in had)))


def of_another_format(folder: Path) -> Path:
    """Write a checkpoint whose fault shows only when it is loaded."""
    from safetensors.torch import load_file, save_file

    info = msgspec.to_builtins(load_checkpoint().info)
    info["format"] = 99
    broken = folder / "broken.safetensors"
    save_file(load_file(SHIPPED), broken, metadata={KEY: msgspec.json.encode(info).decode()})
    return broken


@pytest.mark.slow
def test_the_error_that_ends_the_pipeline_is_raised_where_its_messages_are_read(tmp_path: Path) -> None:
    broken = of_another_format(tmp_path)
    run = hitrs_live.run(demo=True, model__checkpoint=str(broken))
    with pytest.raises(CheckpointMismatch, match="format 99"):
        next(run)
    assert list(run) == [], "raised once"
    run = hitrs_live.run(demo=True, model__checkpoint=str(broken))
    with pytest.raises(CheckpointMismatch, match="format 99"):
        run.wait(LONG_S)


@pytest.mark.slow
def test_the_error_that_ends_the_pipeline_is_raised_at_the_end_of_a_with_that_read_nothing(tmp_path: Path) -> None:
    broken = of_another_format(tmp_path)
    with (
        pytest.raises(CheckpointMismatch, match="format 99"),
        hitrs_live.run(demo=True, model__checkpoint=str(broken)) as run,
    ):
        wait_until(lambda: not run.is_running, "the run ends")


@pytest.mark.slow
def test_a_run_with_a_sink_ends_without_an_iterator(file: Path) -> None:
    had: list[AnyMessage] = []
    run = hitrs_live.run(replay=file, speed="max", sink=had.append, capacity=5, **QUICK)
    wait_until(lambda: not run.is_running, "the run ends")
    assert isinstance(had[-1], Status)
    assert had[-1].state == "ended"
    assert not {"queue", "sink"} & set(had[-1].drops)


@pytest.mark.slow
def test_a_wait_that_times_out_at_once_takes_no_message(file: Path) -> None:
    with hitrs_live.run(replay=file, speed="max", capacity=5, **QUICK) as run:
        assert not run.wait(0)
        assert isinstance(next(run), SourceEvent)


@pytest.mark.slow
def test_a_run_can_be_started_in_any_thread(file: Path) -> None:
    had: list[AnyMessage] = []
    thread = threading.Thread(target=lambda: had.extend(hitrs_live.run(replay=file, speed="max", **QUICK)))
    thread.start()
    thread.join(LONG_S)
    assert isinstance(had[-1], Status)


def listening() -> set[int]:
    return {each.laddr.port for each in psutil.Process().net_connections("tcp") if each.status == psutil.CONN_LISTEN}


@pytest.mark.slow
def test_no_socket_is_opened_unless_an_address_is_given() -> None:
    before = listening()
    with hitrs_live.run(demo=True, **QUICK) as run:
        next(run)
        assert listening() == before
    with hitrs_live.run(demo=True, bind="tcp://127.0.0.1:0", publish__recovery="none", **QUICK) as run:
        assert run.address is not None
        with hitrs_live.subscribe(run.address, timeout_s=LONG_S) as others:
            assert next(iter(others)).session_id == run.session_id
        assert listening() - before == {int(run.address.rpartition(":")[2])}
    assert listening() == before


@pytest.mark.slow
def test_several_sources_run_together_and_a_missing_one_is_tried_again(file: Path) -> None:
    seen: dict[str, list[SourceEvent]] = {}
    run = hitrs_live.run(
        camera=["http://127.0.0.1:9/video", 93], replay=file, demo=True, source_id="gate,desk,file,demo",
        camera__lost_after_s=600.0, camera__retry_min_s=0.1, **QUICK,
    )  # fmt: skip
    with run:
        for event in run:
            if isinstance(event, SourceEvent):
                seen.setdefault(event.source_id, []).append(event)
            if seen.keys() == {"gate", "desk", "file", "demo"} and len(seen["gate"]) == len(seen["desk"]) == 2:
                break
    assert [event.state for event in seen["gate"]] == ["connecting", "connecting"]
    assert "connection refused" in seen["gate"][1].detail
    assert "there is no /dev/video93" in seen["desk"][1].detail
    assert seen["file"][0].state == seen["demo"][0].state == "up"


@pytest.mark.slow
def test_a_sink_that_waits_for_its_own_run_raises_at_once(file: Path) -> None:
    faults: list[str] = []

    def wait_here(_message: AnyMessage) -> None:
        try:
            run.wait(LONG_S)
        except RuntimeError as error:
            faults.append(str(error))

    run = hitrs_live.run(replay=file, speed="max", sink=wait_here, duration_s=0.001, **QUICK)
    assert run.wait(LONG_S)
    assert faults
    assert all("called by the run's own sink" in fault for fault in faults)
