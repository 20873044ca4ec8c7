"""Measure how well actions of the arms are found on people of whom the picture shows the upper body alone.

    python benchmarks/studies/half_bodies.py --workers 2 --json reports/half_bodies.json

Synthetic people stand or sit. Some do actions of the arms; others move the upper body as people do all day, or idle,
for as long. A virtual camera at 0.6 to 1.5 m and at the height of the chest sees them from the hips up, from the front
or obliquely, and another from 2 to 4 m as a whole. The live path has these pictures, from the pose network on. It is
measured in several ways:

- `before`: the upper body; legs as the network guesses them, and every action needs the whole body.
- `guessed`: the upper body; legs as guessed, but actions of the arms do without them.
- `shipped`: the upper body; legs that are not seen stand below the hips, and actions of the arms do without them.
- `whole`: the same people as a whole, as shipped.

A true action is a series of one class with pauses of at most 1.2 s. The report has the actions found, detections that
are right and false, and the share of the frames in which legs count as seen. Views are kept in the folder `--work`, so
that another detector can be measured without rendering. Needs the extra `render`.
"""

import argparse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import torch

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.config import ActionConfig, Config, ModelConfig
from hitrs_live.data.array_format import load_archive
from hitrs_live.data.formats.real_clips import RealClip, TrueAction, read_real_clips
from hitrs_live.data.labelled_motion import RATE_HZ, LabelledMotion, write_motions
from hitrs_live.evaluation.kept_streams import DetectedAction
from hitrs_live.evaluation.live_actions import decode_predictions, keep_predictions
from hitrs_live.evaluation.metrics.event import EventCounts, compare_events, false_detections
from hitrs_live.evaluation.reports.write import about_run, write_report
from hitrs_live.evaluation.scored_sets import pose_frames
from hitrs_live.messages import People, Prediction
from hitrs_live.poisson import poisson_interval
from hitrs_live.streaming import joint_tracker
from hitrs_live.streaming.hitrs_stream import HitrsStream, describe_stream
from hitrs_live.streaming.thresholds import Thresholds, find_thresholds, reported_classes
from hitrs_live.synthesis.program import BACKGROUND_NAME, Program, shipped_programs
from hitrs_live.synthesis.stream import MotionSynthesiser, StreamSettings
from hitrs_live.tracking.unseen_legs import Floats, let_stand
from hitrs_live.virtual_camera.pictures.camera_placement import CameraRanges
from hitrs_live.virtual_camera.views.render_jobs import RenderPlan, list_jobs, unfinished
from hitrs_live.virtual_camera.views.render_workers import render_all
from hitrs_live.virtual_camera.views.rendered_sets import write_clip_labels
from hitrs_live.virtual_camera.views.view_setup import SetupRanges
from hitrs_live.visible_classes import needs_legs

POSTURES: Final = ("standing", "sitting")
ACTIONS, QUIET = "actions", "quiet"
KINDS: Final = (ACTIONS, QUIET)
SIT_DOWN: Final = "stand_to_sit"
SIT_DOWN_S: Final = 10.0
"""The beginning of a stream, in which people may sit down; it is left out."""
MOST_REPETITIONS: Final = 3
IDLE: Final = 0.125
"""Share of idling among what people do one after the other. A binary fraction: the others add up to 1 exactly."""
MOST_MISTAKES: Final = 15
LONGEST_PAUSE_S: Final = 1.2
PICTURE_RATE_HZ: Final = 15.0
"""What a webcam has in poor light; half of the pictures of 30 Hz, so twice as many actions in the same time."""
CHEST_M: Final = {"standing": (1.1, 1.6), "sitting": (0.75, 1.2)}
HALF, WHOLE = "half", "whole"
FRAMINGS: Final = {
    HALF: CameraRanges(distance_m=(0.6, 1.5), cut_below_hips=True, person_height=(0.5, 1.1), least_inside=0.95),
    WHOLE: CameraRanges(distance_m=(2.0, 4.0)),
}


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to see and to detect."""

    framing: str
    stand: bool
    """Whether legs that are not seen stand below the hips."""
    whole_bodies: bool = False
    """Whether every action needs the whole body."""


WAYS: Final = {
    "before": Way(framing=HALF, stand=False, whole_bodies=True),
    "guessed": Way(framing=HALF, stand=False),
    "shipped": Way(framing=HALF, stand=True),
    "whole": Way(framing=WHOLE, stand=True),
}


@dataclass(kw_only=True)
class Legs:
    """Take the place of `let_stand`, and note how far legs are seen."""

    stand: bool
    seen: list[float] = field(default_factory=list)

    def __call__(self, people: People, seen: Floats) -> People:
        """Note the legs of those present; let them stand or leave them as they are."""
        self.seen += seen[people.present].tolist()
        return let_stand(people, seen) if self.stand else people

    @property
    def seen_share(self) -> float | None:
        """Share of the frames in which legs are seen rather than not."""
        return round(float(np.mean(np.array(self.seen) > 0.5)), 4) if self.seen else None


@contextmanager
def tracked_with(legs: Legs) -> Iterator[None]:
    """Let the joint tracker do with legs as said."""
    module: Any = joint_tracker
    module.let_stand = legs
    try:
        yield
    finally:
        module.let_stand = let_stand


def arm_classes(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the actions among a model's classes that are detected without the legs."""
    return tuple(name for name, legs in zip(labels, needs_legs(labels), strict=True) if not legs)


def choose_programs(programs: Sequence[Program], classes: Sequence[str], kind: str, posture: str) -> list[Program]:
    """Choose programs that leave the legs where they are, in short series, and sitting down for those who sit.

    kind: ACTIONS for those that show the classes and no others; QUIET for those that show no class, nor nearly one,
    and that people do on a chair too.
    """

    def fits(one: Program) -> bool:
        names = set(one.class_names()) - {BACKGROUND_NAME}
        seated = "sitting" in one.over
        if one.gait or one.posture != "standing" or one.ends or (posture == "sitting" and not seated):
            return False
        return bool(names) and names <= set(classes) if kind == ACTIONS else not names and not one.near and seated

    short = [
        msgspec.structs.replace(one, repetitions=tuple(min(number, MOST_REPETITIONS) for number in one.repetitions))
        for one in programs
        if fits(one)
    ]
    return short + [one for one in programs if posture == "sitting" and one.action == SIT_DOWN]


def synthesise(
    classes: Sequence[str], kind: str, posture: str, *, count: int, seconds: float, seed: int
) -> tuple[list[LabelledMotion], tuple[str, ...]]:
    """Draw streams of one kind and posture. Returns them and the names of their classes."""
    programs = choose_programs(shipped_programs(), classes, kind, posture)
    shown = {name for one in programs for name in one.class_names()} - {BACKGROUND_NAME}
    synthesiser = MotionSynthesiser(
        # Unlabelled, sitting down would be shown in between as background is.
        sorted(shown - {SIT_DOWN} if kind == ACTIONS else shown),
        seed=seed,
        programs=programs,
        settings=StreamSettings(
            seconds=seconds + SIT_DOWN_S, idle=IDLE, near_miss=0.0, background=0.0 if kind == ACTIONS else 1 - IDLE,
            over_walking=0.0, idle_s=(0.5, 3.0), begins=posture,
        ),
    )  # fmt: skip
    drawn = [synthesiser.stream(index).at(slice(round(SIT_DOWN_S * RATE_HZ), None)) for index in range(count)]
    return drawn, synthesiser.classes


def write_streams(folder: Path, classes: Sequence[str], *, count: int, seconds: float, seed: int) -> list[Path]:
    """Write the streams of each posture and kind, as far as they are not there. Returns their files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, (posture, kind) in enumerate(product(POSTURES, KINDS)):
        file = folder / f"{posture}_{kind}.npz"
        if not file.exists() or len(load_archive(file).names) != count:
            motions, names = synthesise(classes, kind, posture, count=count, seconds=seconds, seed=seed + number)
            write_motions(file, motions, names, {"rate_hz": RATE_HZ, "seed": seed + number})
        files.append(file)
    return files


def render(files: Sequence[Path], folder: Path, framing: str, *, seed: int, workers: int) -> list[RealClip]:
    """Render one view of each stream, as far as it is not there. Returns what the pose network saw."""
    folder.mkdir(parents=True, exist_ok=True)
    names = set()
    for posture in POSTURES:
        plan = RenderPlan(
            files=tuple(file for file in files if file.stem.startswith(posture)), views=1, seed=seed,
            ranges=SetupRanges(
                cameras=camera_ranges(framing, posture), outdoors_share=0.0, occluder_share=0.0, others=(1.0, 0.0, 0.0)
            ),
        )  # fmt: skip
        jobs = list_jobs(plan)
        names |= {job.name for job in jobs}
        todo = unfinished(jobs, folder)
        for number, done in enumerate(render_all(todo, plan, folder, workers=workers) if todo else (), start=1):
            print(f"{framing} body, {posture}: {number} of {len(todo)} views, {done.frames} pictures", flush=True)
    write_clip_labels(folder)
    clips = [clip for clip in read_real_clips(folder) if clip.name in names]
    return [msgspec.structs.replace(clip, actions=series_of(clip.actions)) for clip in clips]


def camera_ranges(framing: str, posture: str) -> CameraRanges:
    """Return where cameras stand: the same but for how much of the body they see."""
    return replace(
        FRAMINGS[framing], usual_height_m=CHEST_M[posture], usual_share=1.0, level_share=1.0, cut_share=0.0,
        field_of_view_deg=(50.0, 90.0),
        view_shares={"front": 0.6, "oblique": 0.4}, sizes={(640, 480): 0.5, (640, 360): 0.5},
        rates_hz={PICTURE_RATE_HZ: 1.0},
    )  # fmt: skip


def series_of(actions: Sequence[TrueAction]) -> tuple[TrueAction, ...]:
    """Join the repetitions of a class between which there is no more than a pause. actions: in order."""
    series: list[TrueAction] = []
    for one in actions:
        if series and series[-1].label == one.label and one.start_s - series[-1].end_s <= LONGEST_PAUSE_S:
            series[-1] = msgspec.structs.replace(series[-1], end_s=one.end_s)
        else:
            series.append(one)
    return tuple(series)


def predict(
    checkpoint: Checkpoint, clips: Sequence[RealClip], config: Config, *, stand: bool
) -> tuple[list[list[Prediction]], float | None]:
    """Run the live stages up to the model. Returns the predictions of each clip, and how often legs count as seen."""
    legs = Legs(stand=stand)
    model = HitrsStream(checkpoint, step_frames=checkpoint.info.step_frames(config.model.update))
    with tracked_with(legs):
        return [keep_predictions(pose_frames(clip, config), model, config) for clip in clips], legs.seen_share


def count(
    clips: Sequence[RealClip], detected: Sequence[Sequence[DetectedAction]], labels: Sequence[str]
) -> dict[str, Any]:
    """Compare the detected actions of clips with the true ones: in total, by posture and by class."""
    by_class: dict[str, EventCounts] = {}
    by_clip: list[EventCounts] = []
    mistakes: Counter[str] = Counter()
    for clip, found in zip(clips, detected, strict=True):
        counts = compare_events(clip, found, labels)
        by_clip.append(sum(counts.values(), EventCounts()))
        for label, one in counts.items():
            by_class[label] = by_class.get(label, EventCounts()) + one
        mistakes.update(one.label for one in false_detections(clip, found, labels))

    def within(word: str) -> dict[str, Any]:
        chosen = [(clip, one) for clip, one in zip(clips, by_clip, strict=True) if word in clip.name]
        total = sum((one for _, one in chosen), EventCounts())
        return row(total) | {"false_alarms": rate(total.false, sum(clip.recorded_s for clip, _ in chosen))}

    return {
        "all": within(""),
        **{word: within(word) for word in (*POSTURES, QUIET)},
        "per_class": {label: row(by_class[label]) for label in sorted(by_class)},
        "mistakes": dict(mistakes.most_common(MOST_MISTAKES)),
    }


def row(counts: EventCounts) -> dict[str, int]:
    """Return the counts that the report has."""
    return {"true": counts.true, "found": counts.found, "right": counts.right, "false": counts.false}


def rate(false: int, seconds: float) -> dict[str, Any]:
    """Return false alarms an hour, with the interval of 95 %."""
    hours = seconds / 3600
    return {
        "hours": round(hours, 4),
        "per_hour": round(false / hours, 1),
        "per_hour_95": [round(limit / hours, 1) for limit in poisson_interval(false)],
    }


def measure(
    checkpoint: Checkpoint, clips: Mapping[str, Sequence[RealClip]], config: Config, thresholds: Thresholds | None
) -> dict[str, Any]:
    """Measure each way on the clips of its framing."""
    labels = reported_classes(checkpoint.info.labels, config.action, thresholds)
    model = describe_stream(checkpoint.info, checkpoint.info.step_frames(config.model.update))
    kept: dict[tuple[str, bool], tuple[list[list[Prediction]], float | None]] = {}
    report = {}
    for name, way in WAYS.items():
        seen = clips[way.framing]
        key = (way.framing, way.stand)
        if key not in kept:
            kept[key] = predict(checkpoint, seen, config, stand=way.stand)
        predictions, legs_seen = kept[key]
        legs = np.ones(len(model.labels), bool) if way.whole_bodies else None
        detected = [decode_predictions(one, model, config, thresholds=thresholds, legs=legs) for one in predictions]
        with_person = sum(len(np.unique(clip.frame)) for clip in seen) / sum(clip.frames for clip in seen)
        report[name] = {
            "person_seen": round(with_person, 4), "legs_seen": legs_seen, **count(seen, detected, labels)
        }  # fmt: skip
    return report


def main() -> None:
    """Render, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--streams", type=int, default=6, help="of each of four kinds: standing or sitting, with actions or without"
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="length of a stream")
    parser.add_argument("--seed", type=int, default=9000, help="no training uses those from 9000 on")
    parser.add_argument("--workers", type=int, default=1, help="processes that render")
    parser.add_argument("--checkpoint", help="detector to measure (default: the one shipped)")
    parser.add_argument("--work", type=Path, default=Path("runs/half_bodies"), help="folder for streams and views")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint(options.checkpoint)
    thresholds = find_thresholds("", checkpoint, options.checkpoint).thresholds
    config = Config(action=ActionConfig(classes="all"), model=ModelConfig(update="clip"))
    work = options.work / f"seed_{options.seed}_{options.seconds:g}_s"
    files = write_streams(
        work / "streams", arm_classes(checkpoint.info.labels), count=options.streams, seconds=options.seconds,
        seed=options.seed,
    )  # fmt: skip
    clips = {
        framing: render(files, work / framing, framing, seed=options.seed, workers=options.workers)
        for framing in FRAMINGS
    }
    ways = measure(checkpoint, clips, config, thresholds)
    for name, figures in ways.items():
        print(f"{name:8} person seen {figures['person_seen']}, legs seen {figures['legs_seen']}; {figures['all']}")
        print(f"{'':8} without actions {figures[QUIET]}; {figures['mistakes']}")
    if options.json:
        about = about_run(checkpoint, thresholds, "clip", mirror=config.model.mirror, classes="all")
        drawn = {"seed": options.seed, "streams": options.streams * len(files), "seconds": options.seconds}
        write_report(options.json, about | drawn | {"ways": ways})


if __name__ == "__main__":
    main()
