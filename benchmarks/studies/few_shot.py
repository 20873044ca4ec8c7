"""Teach actions from a few examples of some people, and find them in streams of others, through the live stage.

Sets of other people and sensors (measure only). The method, that is how tokens are compared (`tokens.JOINTS_WEIGHT`,
embeddings by angle) and the prior of distances, was chosen on HDM05, Northwestern-UCLA and the people of Kinder-Gator
with even numbers in the order of their names; the others are reported: the other half of Kinder-Gator, MSR Action3D,
and UTKinect. For each draw, k examples of n people are taught, and the clips of other people, each with standing before
and after it, are streams for the taught decoder.

- top1: share of the clips whose nearest action, at the clip's end, is the right one;
- recall: share of the clips in which the right action is reported, at a threshold fitted for so many false alarms an
  hour of each action against the generated background;
- alarms: reports of another action than the clip's, an hour of clips, which hold nothing but actions;
- dtw, mean: top1 of the nearest example by joints alone, and of the nearest mean embedding of a class;
- covered: share of the actions whose recall on other people is at least what the report said (limit of 95 %).
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.checkpoint import Checkpoint, load_checkpoint
from hitrs_live.data.array_format import BACKGROUND, data_folder, load_archive
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint
from hitrs_live.teaching.action_settings import ActionSettings
from hitrs_live.teaching.background import Background, load_background
from hitrs_live.teaching.examples import Example
from hitrs_live.teaching.fit import Fitted, fit
from hitrs_live.teaching.taught_set import TaughtSet
from hitrs_live.teaching.template_alignment import align_all
from hitrs_live.teaching.templates import Templates
from hitrs_live.teaching.tokens import RecordedTokens, TokenEncoder, TokenSpace

Floats = NDArray[np.float32]
NOW = "2026-11-30T00:00:00Z"
STILL = 30
MOVING_SHARE = 0.35
LEFT_OUT = (
    "as_high", "as_fast", "as_far", "other", "swim", "ladder", "draw_the", "make_the_letter", "airplane",
    "from_right_to_left",
)  # fmt: skip
"""Kinder-Gator's variants of an action that it has already, and letters."""
CHOSEN_ON = ("hdm05_11", "nw_ucla")


@dataclass(frozen=True, kw_only=True)
class Clip:
    """One action of one person, with standing around it."""

    action: str
    person: str
    joints_m: Floats
    confidence: Floats
    start: int
    end: int


def clips_of(folder: Path, name: str) -> list[Clip]:
    """Cut the clips of one set, from the first movement to the last."""
    archive = load_archive(folder / "measure" / f"{name}.npz")
    ends = np.cumsum(archive.lengths)
    found = []
    for start, end, person, title in zip(ends - archive.lengths, ends, archive.subjects, archive.names, strict=True):
        labels = archive.labels[start:end]
        edges = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist(), len(labels)]
        for first, last in pairwise(edges):
            label = int(labels[first])
            action = archive.label_names.get(label, title.split("_")[0])
            left_out = label == BACKGROUND or any(word in action for word in LEFT_OUT)
            if last - first < 12 or left_out:
                continue
            joints_m = archive.joints[start + first : start + last].astype(np.float32)
            found.append(_clip(action, person, joints_m, archive.valid_mask))
    return found


def _clip(action: str, person: str, joints_m: Floats, valid_mask: NDArray[np.bool_]) -> Clip:
    smooth = np.apply_along_axis(lambda one: np.convolve(one, np.ones(5) / 5, "valid"), 0, joints_m)
    speed = np.linalg.norm(np.diff(smooth, axis=0), axis=2).mean(axis=1)
    moving = np.flatnonzero(speed > MOVING_SHARE * np.sort(speed)[-5:].mean())
    before, after = (np.repeat(one[None], STILL, axis=0) for one in (joints_m[0], joints_m[-1]))
    whole = np.concatenate((before, joints_m, after)).astype(np.float32)
    return Clip(
        action=action.replace(" ", "_")[:64], person=person, joints_m=whole,
        confidence=np.repeat(valid_mask.astype(np.float32)[None], len(whole), axis=0),
        start=STILL + max(int(moving[0]) - 2, 0), end=STILL + min(max(int(moving[-1]) + 6, int(moving[0]) + 12),
        len(joints_m)),
    )  # fmt: skip


def example(clip: Clip) -> Example:
    """Take a clip as an example."""
    return Example(
        action=clip.action, joints_m=clip.joints_m, confidence=clip.confidence, start=clip.start, end=clip.end,
        person=clip.person, origin="study", created_utc=NOW,
    )  # fmt: skip


def measure_draw(
    taught: Sequence[Clip], tested: Sequence[Clip], encoder: TokenEncoder, background: Background, per_hour: float
) -> dict[str, float]:
    """Teach some clips and test on others."""
    names = sorted({clip.action for clip in taught})
    taught_set = TaughtSet(
        examples=tuple(example(clip) for clip in taught), corrections=(), quiet=(),
        settings={name: ActionSettings(false_alarms_per_hour=per_hour) for name in names},
    )  # fmt: skip
    began = time.process_time()
    fitted = fit(taught_set, encoder, background, fingerprint="0" * 64, encoder_name="study")
    fit_s = time.process_time() - began
    tokens = encoder.tokens_of([(clip.joints_m, clip.confidence) for clip in tested])
    truth = np.array([names.index(clip.action) for clip in tested])
    found = _found(fitted, tokens)
    hours = sum(len(clip.joints_m) for clip in tested) / 30 / 3600
    hits = np.array([right in one for right, one in zip(truth, found, strict=True)])
    wrong = sum(len(set(one) - {right}) for right, one in zip(truth.tolist(), found, strict=True))
    covered = [
        hits[truth == number].mean() >= least
        for number, one in enumerate(fitted.evidence)
        for _, of, least in [one.recall()]
        if of and (truth == number).any()
    ]
    return {
        "top1": _top1(fitted.taught.templates, fitted.taught.space, tokens, tested, truth),
        "recall": float(hits.mean()), "alarms": wrong / hours, "covered": float(np.mean(covered)) if covered else 0.0,
        "dtw": _joints_alone(taught, names, encoder, tokens, tested, truth),
        "mean": _class_means(taught, names, encoder, tokens, tested, truth), "fit_s": fit_s,
        "classes": float(len(names)),
    }  # fmt: skip


def _found(fitted: Fitted, tokens: Sequence[RecordedTokens]) -> list[list[int]]:
    """List the actions that are reported in each clip: at each tick the best of those above their thresholds."""
    templates = fitted.taught.templates
    distances = align_all(templates, [one.join(fitted.taught.space) for one in tokens])
    on = np.array([action.on for action in fitted.taught.actions])
    found = []
    for one in distances:
        scores = np.stack(
            [
                action.curve.scores(one[:, templates.actions == number].min(axis=1))
                for number, action in enumerate(fitted.taught.actions)
            ],
            axis=1,
        )
        reached = np.where(scores >= on, scores, -1.0)
        best = reached.argmax(axis=1)
        found.append(sorted(set(best[reached.max(axis=1) >= 0].tolist())))
    return found


def _top1(
    templates: Templates, space: TokenSpace, tokens: Sequence[RecordedTokens], tested: Sequence[Clip],
    truth: NDArray[np.int64],
) -> float:  # fmt: skip
    unscaled = templates.with_scales(np.ones_like(templates.scales))
    right = 0
    for one, clip, number, recorded in zip(
        align_all(unscaled, [one.join(space) for one in tokens]), tested, truth, tokens, strict=True
    ):
        ending = (recorded.frames >= clip.end - 9) & (recorded.frames < clip.end + 6)
        right += int(templates.actions[one[ending].min(axis=0).argmin()] == number)
    return right / len(tested)


def _templates(taught: Sequence[Clip], names: Sequence[str], encoder: TokenEncoder, space: TokenSpace) -> Templates:
    cut = []
    for clip, one in zip(taught, encoder.tokens_of([(c.joints_m, c.confidence) for c in taught]), strict=True):
        cut.append(one.join(space)[(one.frames >= clip.start) & (one.frames < clip.end)])
    return Templates.of(cut, [names.index(clip.action) for clip in taught])


def _joints_alone(
    taught: Sequence[Clip], names: Sequence[str], encoder: TokenEncoder, tokens: Sequence[RecordedTokens],
    tested: Sequence[Clip], truth: NDArray[np.int64],
) -> float:  # fmt: skip
    space = TokenSpace(mean=np.zeros(0, np.float32), joints=1.0)
    return _top1(_templates(taught, names, encoder, space), space, tokens, tested, truth)


def _class_means(
    taught: Sequence[Clip], names: Sequence[str], encoder: TokenEncoder, tokens: Sequence[RecordedTokens],
    tested: Sequence[Clip], truth: NDArray[np.int64],
) -> float:  # fmt: skip
    def mean(clip: Clip, one: RecordedTokens) -> Floats:
        within = one.embeddings[(one.frames >= clip.start) & (one.frames < clip.end)]
        found: Floats = within.mean(axis=0)
        return found

    seen = encoder.tokens_of([(clip.joints_m, clip.confidence) for clip in taught])
    of_examples = np.stack([mean(clip, one) for clip, one in zip(taught, seen, strict=True)])
    action = np.array([names.index(clip.action) for clip in taught])
    centres = np.stack([of_examples[action == number].mean(axis=0) for number in range(len(names))])
    asked = np.stack([mean(clip, one) for clip, one in zip(tested, tokens, strict=True)])
    return float((np.linalg.norm(asked[:, None] - centres, axis=2).argmin(axis=1) == truth).mean())


def draw(
    clips: Sequence[Clip], examples: int, classes: int, tests: int, rng: np.random.Generator
) -> tuple[list[Clip], list[Clip]]:
    """Draw who teaches what, and clips of the others."""
    people = rng.permutation(sorted({clip.person for clip in clips})).tolist()
    teachers = set(people[: len(people) // 2])
    actions = sorted({clip.action for clip in clips})
    chosen = set(rng.permutation(actions)[:classes].tolist())
    taught: list[Clip] = []
    for action in sorted(chosen):
        own = [clip for clip in clips if clip.action == action and clip.person in teachers]
        taught += [own[at] for at in rng.permutation(len(own))[:examples]]
    known = {clip.action for clip in taught}
    others = [clip for clip in clips if clip.action in known and clip.person not in teachers]
    return taught, [others[at] for at in rng.permutation(len(others))[:tests]]


def reported_clips(folder: Path, name: str) -> list[Clip]:
    """Read a set without the people that the method was chosen on."""
    clips = clips_of(folder, name)
    people = sorted({clip.person for clip in clips})
    left = set(people[1::2]) if name == "kindergator" else set(people)
    return [clip for clip in clips if clip.person in left]


def open_encoder(checkpoint: Checkpoint, work: Path) -> tuple[TokenEncoder, Background]:
    """Open the shipped encoder and its background."""
    fingerprint = encoder_fingerprint(checkpoint.model.encoder, checkpoint.info.normaliser)
    encoder = TokenEncoder(TorchEngine(checkpoint.model), checkpoint.info.normaliser)
    work.mkdir(parents=True, exist_ok=True)
    return encoder, load_background(work, encoder, fingerprint)


def main() -> None:
    """Run the study and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=["kindergator", "msr_action3d", "utkinect_streams"])
    parser.add_argument("--examples", nargs="+", type=int, default=[1, 3, 5, 10])
    parser.add_argument("--per-hour", nargs="+", type=float, default=[1, 5, 20], help="false alarms of each action")
    parser.add_argument("--classes", type=int, default=27, help="actions a draw, at most")
    parser.add_argument("--tests", type=int, default=150, help="clips a draw, at most")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path("actions"), help="where the background is kept")
    parser.add_argument("--data", type=Path, default=None, help="data folder (default: $HITRS_DATA)")
    parser.add_argument("--json", type=Path, default=None, metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder, background = open_encoder(load_checkpoint(), options.work)
    rows = []
    for name in options.sets:
        clips = reported_clips(options.data or data_folder(), name)
        for examples in options.examples:
            for per_hour in options.per_hour:
                found = [
                    measure_draw(
                        *draw(clips, examples, options.classes, options.tests, np.random.default_rng(seed)), encoder,
                        background, per_hour,
                    )
                    for seed in range(options.draws)
                ]  # fmt: skip
                row = {key: round(float(np.mean([one[key] for one in found])), 4) for key in found[0]}
                rows.append({"set": name, "examples": examples, "per_hour": per_hour, **row})
                print(json.dumps(rows[-1]), flush=True)
    if options.json is not None:
        options.json.write_text(json.dumps({"draws": options.draws, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
