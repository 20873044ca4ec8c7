"""Stages are timed by the frame, and their percentiles are over the newest frames."""

from patience import ManualClock

from hitrs_live.streaming.stage_timer import StageTimer


def test_what_a_stage_takes_in_several_parts_of_a_frame_is_added_up() -> None:
    clock = ManualClock()
    timer = StageTimer(clock)
    for part_s in (0.002, 0.003):
        with timer.stage("overhead"):
            clock.advance(0.001)
            with timer.stage("publish"):
                clock.advance(part_s)
    timer.end_frame()
    assert {name: each.p50_ms for name, each in timer.latencies().items()} == {"publish": 5, "overhead": 7}


def test_a_frame_in_which_a_stage_did_not_run_does_not_count_for_it() -> None:
    timer = StageTimer()
    for record_ms in (4.0, None, None):
        timer.add("track", 1.0)
        if record_ms is not None:
            timer.add("record", record_ms)
        timer.end_frame()
    assert timer.latencies()["record"].p50_ms == 4


def test_a_frame_that_has_not_ended_is_not_counted() -> None:
    timer = StageTimer()
    timer.add("pose", 1.0)
    assert timer.latencies() == {}


def test_only_the_newest_512_frames_count() -> None:
    timer = StageTimer()
    for index in range(600):
        timer.add("pose", 100.0 if index < 88 else 1.0)
        timer.end_frame()
    assert timer.latencies()["pose"].p99_ms == 1


def test_stages_are_named_in_the_order_in_which_a_frame_meets_them() -> None:
    timer = StageTimer()
    for name in ("frame_to_event", "model", "track", "pose"):
        timer.add(name, 1.0)
    timer.end_frame()
    assert list(timer.latencies()) == ["pose", "track", "model", "frame_to_event"]
