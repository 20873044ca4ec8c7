"""A machine that is too slow: less is done, step by step, in all sources alike, and everything again with room."""

import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from empty_room import EmptyRoomCamera, SeesNoOne
from patience import PATIENCE_S
from pipeline.pipeline_runs import demo_frames, make_pipeline

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import Config, override
from hitrs_live.messages import (
    AnyMessage,
    JointFrame,
    MotionPrediction,
    PoseFrame,
    Prediction,
    ScoreEvent,
    SourceChange,
    Status,
)
from hitrs_live.pipeline.input_stream import InputStream
from hitrs_live.pipeline.load_ladder import OF_LOOP, OF_POSE, Load, LoadLadder, LoadStep
from hitrs_live.pipeline.multiplexer import FrameMultiplexer
from hitrs_live.sources.base import SourceItem
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.transport.sink import ListSink

ALL = (*OF_LOOP, *OF_POSE)
CALM, SLOW_LOOP, OLD, BETWEEN = (
    Load(busy=busy, age_s=age_s) for busy, age_s in [(0.3, 0.05), (0.97, 0.2), (0.2, 0.6), (0.75, 0.2)]
)


def follow(ladder: LoadLadder, loads: Iterable[Load], begin_s: float = 0.0) -> list[tuple[float, tuple[LoadStep, ...]]]:
    """Observe one load a second; return when what changed."""
    return [
        (begin_s + second, ladder.taken) for second, load in enumerate(loads) if ladder.observe(begin_s + second, load)
    ]


def test_a_busy_loop_takes_the_steps_in_their_order_and_no_more_than_there_are() -> None:
    changes = follow(LoadLadder(ALL), [SLOW_LOOP] * 60)
    assert [taken for _, taken in changes] == [ALL[:count] for count in range(1, 6)]
    # Five seconds to warm up, then one step every three seconds and one to measure again.
    assert [second for second, _ in changes] == [8, 12, 16, 20, 24]


def test_old_frames_of_a_loop_that_waits_lower_only_the_rate_of_the_poses() -> None:
    assert [taken for _, taken in follow(LoadLadder(ALL), [OLD] * 60)] == [OF_POSE[:1], OF_POSE]
    assert follow(LoadLadder(OF_LOOP), [OLD] * 60) == []


def test_a_short_peak_changes_nothing() -> None:
    assert follow(LoadLadder(ALL), ([CALM] * 5 + [SLOW_LOOP] * 3) * 20) == []


def test_between_too_much_and_room_nothing_changes() -> None:
    assert len(follow(LoadLadder(ALL), [SLOW_LOOP] * 9 + [BETWEEN] * 600)) == 1


def test_with_room_the_newest_step_is_given_back_first() -> None:
    changes = follow(LoadLadder(ALL), [SLOW_LOOP] * 13 + [CALM] * 60)
    assert [taken for _, taken in changes] == [ALL[:1], ALL[:2], ALL[:1], ()]


def test_a_step_that_turns_out_to_be_needed_is_given_back_more_and_more_seldom() -> None:
    ladder, seconds, back = LoadLadder(ALL), 0, list[int]()
    while seconds < 1500:
        load = CALM if ladder.taken else SLOW_LOOP
        if ladder.observe(seconds, load) and not ladder.taken:
            back.append(seconds)
        seconds += 1
    waits = np.diff(back)
    assert (waits[1:] >= waits[:-1]).all()
    assert waits[-1] > 160


def test_eight_cameras_on_two_cores_settle_where_frames_stay_young() -> None:
    # Processor seconds a second: the loop's, and of the poses at 30 pictures a second in each of eight sources.
    costs: dict[LoadStep, float] = {"fewer_predictions": 0.95, "clip_updates": 0.8, "no_mirror": 0.55}
    rates: dict[LoadStep, float] = {"rate_15_hz": 15.0, "rate_10_hz": 10.0}
    ladder, ages = LoadLadder(ALL), list[float]()
    for second in range(600):
        rate_hz = min((rates[step] for step in ladder.taken if step in rates), default=30.0)
        share = rate_hz / 30
        loop = 0.7 * share * np.prod([costs[step] for step in ladder.taken if step in costs])
        needed = 8 * 0.012 * rate_hz + loop
        # Frames wait for their turn as in a queue of one: the fuller the machine, the longer.
        age_s = 0.03 / max(1 - needed / 2, 0.05)
        ages.append(age_s)
        ladder.observe(second, Load(busy=min(1.0, loop / (2 / max(needed, 2))), age_s=age_s))
    assert ages[0] > 0.5
    # Now and then a step is given back, and turns out to be needed.
    assert np.mean(np.array(ages[120:]) < 0.15) > 0.9


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return load_checkpoint("hitrs_tiny_3")


def predictions(predictor: Predictor, frames: Sequence[JointFrame]) -> list[tuple[int, Prediction]]:
    return [(index, one) for index, frame in enumerate(frames) for one in predictor.step(frame) if one.has_output.any()]


def moving(frames: int) -> list[JointFrame]:
    """A person of the demo, frame by frame at the model's rate."""
    poses = [frame.poses[0] for frame in demo_frames(frames / 30)][:frames]
    return [
        JointFrame.of(pose.joints_m[None], pose.confidence[None], track_ids=np.array([1]), time_ns=index * 33_333_333)
        for index, pose in enumerate(poses)
    ]


def test_outputs_once_a_clip_are_those_of_every_frame_and_all_come_again(checkpoint: Checkpoint) -> None:
    frames = moving(33)
    full = dict(predictions(Predictor(HitrsStream(checkpoint, step_frames=1), rows=1), frames))
    reduced = Predictor(HitrsStream(checkpoint, step_frames=1), rows=1)
    reduced.reduce(mirror=True, clips_only=True)
    few = dict(predictions(reduced, frames[:27]))
    assert list(few) == [12, 19, 26]
    reduced.reduce(mirror=True, clips_only=False)
    rest = {27 + index: one for index, one in predictions(reduced, frames[27:])}
    assert list(rest) == list(range(27, 33))
    for index, one in (few | rest).items():
        np.testing.assert_allclose(one.logits, full[index].logits, atol=1e-5)


def test_mirror_images_that_were_left_out_come_back_with_the_next_track(checkpoint: Checkpoint) -> None:
    first, second = moving(27), moving(20)
    second[0] = replace(second[0], reset=np.array([True]))
    full, alone, reduced = (Predictor(HitrsStream(checkpoint), rows=1, mirror=mirror) for mirror in (True, False, True))
    reduced.reduce(mirror=False, clips_only=False)
    logits = [[one.logits for _, one in predictions(each, first[:20])] for each in (full, alone, reduced)]
    np.testing.assert_allclose(logits[2], logits[1], atol=1e-5)
    assert np.abs(np.subtract(logits[0], logits[1])).max() > 0.1, "mirror images make a difference"
    reduced.reduce(mirror=True, clips_only=False)
    logits = [[one.logits for _, one in predictions(each, first[20:])] for each in (alone, reduced)]
    np.testing.assert_allclose(logits[1], logits[0], atol=1e-5)
    logits = [[one.logits for _, one in predictions(each, second)] for each in (full, reduced)]
    assert logits[0]
    np.testing.assert_allclose(logits[1], logits[0], atol=1e-5)


def test_a_limited_rate_is_the_same_for_all_sources_and_takes_the_newest_pictures() -> None:
    inputs = [InputStream(source=EmptyRoomCamera(name), pose=SeesNoOne()) for name in ("door", "hall")]
    multiplexer = FrameMultiplexer(inputs, batch_timeout_s=0.0)
    multiplexer.limit_rate(20.0)
    multiplexer.start()
    times_s: dict[int, list[float]] = {0: [], 1: []}
    try:
        while min(map(len, times_s.values())) < 10:
            for one in multiplexer.collect_batch(0.1):
                assert isinstance(one.item, PoseFrame)
                times_s[one.source_index].append(one.item.capture_time_ns / 1e9)
    finally:
        multiplexer.close()
    for times in times_s.values():
        assert np.diff(times).min() > 0.045


class LiveDemo:
    """A sender of joints that keeps its newest frame alone."""

    has_pictures = False
    live = True

    def __init__(self, source_id: str) -> None:
        self.source_id = source_id
        self._frames = demo_frames(20.0)
        self._began_ns, self._newest = 0, -1

    def open(self) -> None:
        pass

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        if not self._began_ns:
            self._began_ns = time.monotonic_ns()
            return [SourceChange(state="up", time_ns=self._began_ns)]
        time.sleep(max(0.0, (self._newest + 1) / 30 - (time.monotonic_ns() - self._began_ns) / 1e9))
        self._newest = int((time.monotonic_ns() - self._began_ns) / 1e9 * 30)
        time_ns = self._began_ns + round(self._newest / 30 * 1e9)
        pose = self._frames[self._newest % len(self._frames)].poses
        return [PoseFrame(index=self._newest, capture_time_ns=time_ns, received_ns=time.monotonic_ns(), poses=pose)]

    def drops(self) -> dict[str, int]:
        return {}

    def close(self) -> None:
        pass


class SlowSink(ListSink):
    """Takes long for each score and motion message; stops the run once every source has taken a step."""

    def __init__(self, stop: threading.Event, names: Iterable[str]) -> None:
        super().__init__("session")
        self._stop, self._left = stop, set(names)

    def publish(self, message: AnyMessage) -> AnyMessage:
        if isinstance(message, Status) and message.load_steps:
            self._left.discard(message.source_id)
            if not self._left:
                self._stop.set()
        if isinstance(message, ScoreEvent | MotionPrediction):
            time.sleep(0.03)
        return super().publish(message)


@pytest.mark.slow
def test_eight_sources_into_a_slow_sink_get_fewer_predictions_and_none_starves(checkpoint: Checkpoint) -> None:
    torch.set_num_threads(1)
    names = [f"source{number}" for number in range(8)]
    stop = threading.Event()
    sink = SlowSink(stop, names)
    config = override(Config(), {"model.update": "clip", "model.mirror": False, "pose.max_people": 1})
    inputs = [InputStream(source=LiveDemo(name)) for name in names]
    make_pipeline(inputs, checkpoint, sink, config).run(duration_s=PATIENCE_S, stop=stop)
    statuses = [message for message in sink.messages if isinstance(message, Status)]
    assert statuses[0].load_steps == ()
    assert statuses[-1].load_steps[:1] == ("fewer_predictions",)
    assert any("fewer scores and motion predictions" in notice for notice in statuses[-1].notices)
    frames = [next(status.frames for status in reversed(statuses) if status.source_id == name) for name in names]
    assert min(frames) > 0.5 * max(frames) > 0
