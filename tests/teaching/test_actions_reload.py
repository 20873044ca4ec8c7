"""Files of actions that are replaced while the pipeline runs: used without a stop, or left out with a notice."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest
from patience import wait_until
from pipeline_runs import ENDED, UP, ScriptedSource, make_pipeline
from taught_folder import Taught
from taught_joints import lift, standing

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.config import Config, override
from hitrs_live.errors import CheckpointMismatch, ConfigError
from hitrs_live.messages import ActionEvent, AnyMessage, JointFrame, Pose, PoseFrame, Status
from hitrs_live.pipeline.actions_reload import ActionsReload
from hitrs_live.sources.base import SourceItem
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.predictor import Predictor
from hitrs_live.teaching.action_settings import save_sequence
from hitrs_live.teaching.actions_file import TaughtAction, TaughtActions, save_actions
from hitrs_live.teaching.fit import fit_folder
from hitrs_live.teaching.loading import TaughtFiles
from hitrs_live.teaching.running_model import RunningModel
from hitrs_live.teaching.step_sequence import make_sequence
from hitrs_live.teaching.taught_decoder import TaughtDecoder
from hitrs_live.teaching.templates import Templates
from hitrs_live.teaching.tokens import JOINT_CHANNELS, TokenSpace
from hitrs_live.transport.sink import ListSink

MODEL = RunningModel(
    name="some", encoder="a" * 64, embedding_width=8, rate_hz=30.0, labels=frozenset({"background", "squat"})
)


def _actions(*names: str, encoder: str = MODEL.encoder, seed: int = 1, width: int = 8) -> TaughtActions:
    rng = np.random.default_rng(seed)
    return TaughtActions(
        actions=tuple(
            TaughtAction(
                name=name, kind="gesture", centre=-0.3, slope=4.0, on=0.6, off=0.6, merge_gap_s=0.3, examples=1,
                people=1,
            )
            for name in names
        ),
        templates=Templates.of(
            [rng.normal(size=(7 + at, width + JOINT_CHANNELS)).astype(np.float32) for at in range(len(names))],
            list(range(len(names))),
        ),
        space=TokenSpace(mean=np.ones(width, np.float32)), encoder=encoder, encoder_name="some", span_frames=13,
        provenance={},
    )  # fmt: skip


def _files(folder: Path) -> TaughtFiles:
    save_actions(folder / "a.actions", _actions("raise"))
    save_actions(folder / "b.actions", _actions("bow"))
    return TaughtFiles([str(folder / "a.actions"), str(folder / "b.actions")], MODEL)


def test_a_replaced_file_is_read_once_it_has_stopped_changing(tmp_path: Path) -> None:
    files = _files(tmp_path)
    assert files.refresh() is None
    save_actions(tmp_path / "a.actions", _actions("wave"))
    assert files.refresh() is None
    new = files.refresh()
    assert new is not None
    assert (new.actions.names, files.actions.names) == (("wave", "bow"), ("wave", "bow"))
    assert (new.same, files.notices, files.refresh()) == ({"bow"}, (), None)


def test_an_action_with_other_examples_is_not_the_same(tmp_path: Path) -> None:
    files = _files(tmp_path)
    save_actions(tmp_path / "a.actions", _actions("raise", "wave", seed=2))
    files.refresh()
    new = files.refresh()
    assert new is not None
    assert new.same == {"bow"}
    save_actions(tmp_path / "a.actions", _actions("raise", seed=2))
    files.refresh()
    fewer = files.refresh()
    assert fewer is not None
    assert fewer.same == {"raise", "bow"}


def _damage(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (_damage, "no file of taught actions"),
        (Path.unlink, "cannot be read"),
        (lambda path: save_actions(path, _actions("raise", encoder="b" * 64)), "made with the encoder some bbbbbbbb"),
        (
            lambda path: save_actions(path, _actions("raise", width=6)),
            "model some: gives clip embeddings of 8 numbers, and raise are found by those of 6",
        ),
        (lambda path: save_actions(path, _actions("squat")), "squat is a class of some too"),
        (lambda path: save_actions(path, _actions("bow")), "bow is in "),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_gives_one_notice_and_what_was_read_stays(
    tmp_path: Path, spoil: Callable[[Path], object], what: str
) -> None:
    files = _files(tmp_path)
    before = files.actions
    spoil(tmp_path / "a.actions")
    assert [files.refresh() for _ in range(3)] == [None] * 3
    assert files.actions is before
    (notice,) = files.notices
    assert what in notice
    assert notice.endswith("; until then the actions read before are used")
    assert "\n" not in notice
    save_actions(tmp_path / "a.actions", _actions("raise", "wave"))
    files.refresh()
    new = files.refresh()
    assert new is not None
    assert (new.actions.names, files.notices) == (("raise", "wave", "bow"), ())


def test_actions_that_replace_sequences_alone_give_a_notice_where_the_model_has_another_rate(
    tmp_path: Path, checkpoint: Checkpoint
) -> None:
    path = tmp_path / "mine.actions"
    save_sequence(tmp_path, make_sequence("sit_and_rise", ["stand_to_sit", "sit_to_stand"], [4.0]))
    save_actions(path, fit_folder(tmp_path, checkpoint).taught)
    slow = replace(RunningModel.of(checkpoint), rate_hz=20.0)
    files = TaughtFiles([str(path)], slow)
    own = _actions("raise", encoder=slow.encoder, width=slow.embedding_width)
    save_actions(path, own)
    assert [files.refresh() for _ in range(3)] == [None] * 3
    assert files.actions.all_names == ("sit_and_rise",)
    (notice,) = files.notices
    assert notice.startswith(f"actions {path}: model {slow.name}: takes 20 frames a second, expected 30")
    with pytest.raises(CheckpointMismatch, match="takes 20 frames a second"):
        TaughtFiles([str(path)], slow)


def test_a_file_is_used_although_another_cannot_be(tmp_path: Path) -> None:
    files = _files(tmp_path)
    _damage(tmp_path / "a.actions")
    save_actions(tmp_path / "b.actions", _actions("wave"))
    files.refresh()
    new = files.refresh()
    assert new is not None
    assert (new.actions.names, len(files.notices)) == (("raise", "wave"), 1)


def test_an_action_moves_from_one_file_to_another(tmp_path: Path) -> None:
    files = _files(tmp_path)
    save_actions(tmp_path / "b.actions", _actions("bow", "raise"))
    files.refresh()
    assert files.refresh() is None
    assert "raise is in " in files.notices[0]
    save_actions(tmp_path / "a.actions", _actions("wave"))
    files.refresh()
    new = files.refresh()
    assert new is not None
    assert (new.actions.names, files.notices) == (("wave", "bow", "raise"), ())


def test_at_the_start_a_file_that_cannot_be_used_is_refused(tmp_path: Path) -> None:
    _files(tmp_path)
    _damage(tmp_path / "b.actions")
    with pytest.raises(ConfigError, match=r"b\.actions"):
        TaughtFiles([str(tmp_path / "a.actions"), str(tmp_path / "b.actions")], MODEL)


FRAMES = 330
STARTS = (90, 240)


def _person(starts: Sequence[int] = STARTS) -> np.ndarray:
    joints_m = standing(FRAMES, np.random.default_rng(1))
    for start in starts:
        lift(joints_m, "right", start, start + 45)
    return joints_m


def _as_exercise(taught: TaughtActions, **names: str) -> TaughtActions:
    """Make exercises of actions, whose events last through a pause, with other names."""
    return msgspec.structs.replace(
        taught,
        actions=tuple(
            msgspec.structs.replace(one, kind="exercise", merge_gap_s=6.0, name=names.get(one.name, one.name))
            for one in taught.actions
        ),
    )


def _reversed(taught: TaughtActions) -> TaughtActions:
    """Return the same actions in the other order."""
    templates, last = taught.templates, len(taught.actions) - 1
    order = np.argsort(-templates.actions, kind="stable")
    return msgspec.structs.replace(
        taught, actions=taught.actions[::-1],
        templates=Templates(
            points=templates.points[order], lengths=templates.lengths[order], actions=last - templates.actions[order],
            scales=templates.scales[order],
        ),
    )  # fmt: skip


@pytest.mark.slow
def test_actions_that_stay_as_they_are_give_the_same_events_whenever_others_replace_theirs(
    taught: Taught, checkpoint: Checkpoint
) -> None:
    actions = _as_exercise(taught.fitted.taught)
    model = HitrsStream(checkpoint, step_frames=1)
    predictor = Predictor(model, rows=1, mirror=False)

    def make(which: TaughtActions) -> TaughtDecoder:
        return TaughtDecoder(which, model.description, Config(), source_id="a", rows=1)

    never, often = make(actions), make(actions)
    expected: list[ActionEvent] = []
    found: list[ActionEvent] = []
    for frame, joints_m in enumerate(_person()):
        if frame % 37 == 36:
            replaced = make(_reversed(actions) if frame % 2 else actions)
            assert replaced.take_over(often, set(actions.names)) == []
            often = replaced
        joint_frame = JointFrame.of(joints_m[None], time_ns=round(frame * 1e9 / 30), reset=frame == 0)
        predictions = predictor.step(joint_frame)
        expected += never.step(joint_frame, predictions)
        found += often.step(joint_frame, predictions)
    expected, found = [*expected, *never.close_all("shutdown")], [*found, *often.close_all("shutdown")]
    assert [_without_scores(one) for one in found] == [_without_scores(one) for one in expected]
    # Products of matrices are summed in another order where their columns are; messages have four digits.
    for name in ("score", "peak_score", "mean_score"):
        scores = [getattr(one, name) for one in expected]
        assert [getattr(one, name) for one in found] == pytest.approx(scores, abs=3e-4)
    assert [(one.state, one.label) for one in expected if one.state == "start"] == [("start", "raise")]


def _without_scores(event: ActionEvent) -> ActionEvent:
    return msgspec.structs.replace(event, score=0.0, peak_score=0.0, mean_score=0.0)


class _ActingSource(ScriptedSource):
    """Give a list of items, and do something before some of them."""

    def __init__(self, items: Sequence[SourceItem], acts: dict[int, Callable[[], object]]) -> None:
        super().__init__(items)
        self._acts, self._at = acts, 0

    def read(self, timeout_s: float) -> Sequence[SourceItem]:
        act = self._acts.get(self._at)
        self._at += 1
        if act is not None:
            act()
        return super().read(timeout_s)


def _built_in(messages: Sequence[AnyMessage], own: set[str]) -> list[bytes]:
    """Encode what does not come of taught actions, without what says when, and after how many others, it was sent."""
    kept = [
        one
        for one in messages
        if one.topic.startswith(("action", "scores", "motion")) and getattr(one, "label", "") not in own
    ]
    changed = [msgspec.structs.replace(one, seq=0, publish_time_ns=0, utc_ns=None) for one in kept]
    return [
        msgspec.json.encode(msgspec.structs.replace(one, log_seq=0) if isinstance(one, ActionEvent) else one)
        for one in changed
    ]


@pytest.mark.slow
def test_a_running_pipeline_uses_a_replaced_file_and_stays_with_the_earlier_one_while_it_is_damaged(
    taught: Taught, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    path = tmp_path / "mine.actions"
    frames = [
        PoseFrame(
            index=index, capture_time_ns=round(index * 1e9 / 30), received_ns=0,
            poses=(Pose(joints_m=joints_m, confidence=np.ones(25, np.float32)),),
        )
        for index, joints_m in enumerate(_person())
    ]  # fmt: skip
    config = override(Config(), {"model.update": "frame", "publish.status_every_s": 0.01})
    before = _as_exercise(taught.fitted.taught)
    save_actions(path, before)
    files = TaughtFiles([str(path)], RunningModel.of(checkpoint))

    def damage() -> None:
        _damage(path)
        wait_until(lambda: files.notices, "a notice of the damaged file")

    def replace() -> None:
        save_actions(path, _as_exercise(taught.fitted.taught, **{"raise": "hoist"}))
        wait_until(lambda: "hoist" in files.actions.names, "the replaced file")

    sink, without = ListSink(), ListSink()
    source = _ActingSource([UP, *frames, ENDED], {31: damage, 200: replace})
    make_pipeline(
        [source], checkpoint, sink, config, taught=files.actions, reload=ActionsReload(files, every_s=0.01)
    ).run()
    make_pipeline([ScriptedSource([UP, *frames, ENDED])], checkpoint, without, config).run()

    own = {"raise", "forward", "hoist"}
    found = [one for one in sink.messages if isinstance(one, ActionEvent) and one.label in own]
    ends = [(one.state, one.label, one.reason) for one in found if one.state != "update"]
    assert ends == [
        ("start", "raise", None), ("end", "raise", "shutdown"),
        ("start", "hoist", None), ("end", "hoist", "source_lost"),
    ]  # fmt: skip
    ended = found[[one.state for one in found].index("end")]
    assert ended.count == 1
    assert ended.end_time_ns is not None
    assert ended.onset_time_ns < ended.end_time_ns <= ended.capture_time_ns
    assert _built_in(sink.messages, own) == _built_in(without.messages, own)
    statuses = [one for one in sink.messages if isinstance(one, Status)]
    notices = {notice for one in statuses for notice in one.notices if "mine.actions" in notice}
    assert len(notices) == 1
    assert not statuses[-1].notices
