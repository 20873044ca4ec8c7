"""Teach actions of the arms at a desk or standing whole, and count how many are found on people of either kind.

Synthetic people show an action several times, with the modelled errors of the live pose stage. At a desk the same
stream has hips and legs of low confidence, and legs that are guessed in each picture. All pass through the live
tracker, so that legs that are not seen stand below the hips. The first repetitions of each person teach, the later ones
of the same people are tested. A repetition is found where an event of its action overlaps it; other events are those of
another action or of no repetition. `whole bodies only` is the same with every action needing the legs, as it was for
all taught actions.

    python benchmarks/studies/taught_half_bodies.py
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.checkpoint import load_checkpoint
from hitrs_live.config import Config
from hitrs_live.data.labelled_motion import RATE_HZ
from hitrs_live.data.sensor_noise import smooth_noise
from hitrs_live.evaluation.reports.write import write_report
from hitrs_live.inference.torch_engine import TorchEngine
from hitrs_live.messages import ActionEvent, JointFrame, Pose, PoseFrame, Prediction
from hitrs_live.model.encoder_fingerprint import encoder_fingerprint
from hitrs_live.negative_bank.live_view import open_live_view
from hitrs_live.skeleton import NTU25
from hitrs_live.streaming.hitrs_stream import HitrsStream
from hitrs_live.streaming.recorded_tracks import track_frames
from hitrs_live.streaming.stream_model import StreamDescription
from hitrs_live.synthesis.shown_action import ShownActions, ShownActionSettings
from hitrs_live.teaching.action_settings import ActionSettings
from hitrs_live.teaching.actions_file import TaughtActions
from hitrs_live.teaching.background import STREAMS, Background, load_background
from hitrs_live.teaching.examples import Example
from hitrs_live.teaching.fit import fit
from hitrs_live.teaching.taught_decoder import TaughtDecoder
from hitrs_live.teaching.taught_set import TaughtSet
from hitrs_live.teaching.tokens import RecordedTokens, TokenEncoder
from hitrs_live.tracking.unseen_legs import LEGS

Floats = NDArray[np.float32]
Span = tuple[int, int]

CLASSES: Final = ("wave", "raise_hand", "point", "clap", "arm_circle", "biceps_curl", "cross_arms", "drink")
BODIES: Final = ("whole", "desk")
CONTEXT: Final = 90
NOW: Final = "2026-11-30T00:00:00Z"
UNSEEN: Final = [*LEGS, NTU25.index("left_hip"), NTU25.index("right_hip")]
JITTER_M, DRIFT_M = 0.08, 0.15


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One person who shows one action, as tracked live."""

    action: str
    person: str
    joints_m: Floats
    confidence: Floats
    spans: tuple[Span, ...]


def draw(names: Sequence[str], people: Sequence[int], repetitions: int, seed: int) -> Iterator[dict[str, Shown]]:
    """Draw people who show each action; yield each whole and at a desk."""
    shown, view, rng = ShownActions(seed=seed), open_live_view("modelled"), np.random.default_rng(seed)
    settings = ShownActionSettings(repetitions=repetitions, walks=False, distractions=1)
    for name in names:
        for index in people:
            motion = shown.show(name, index, settings)
            live = view(motion.joints_m, rng)
            own = np.where(motion.labels == shown.classes.index(name), motion.repetition, 0)
            edges = np.flatnonzero(np.diff(own, prepend=0, append=0)).tolist()
            spans = tuple((a, b) for a, b in pairwise(edges) if own[a])
            hidden_m, hidden = at_desk(live.joints_m, live.confidence, rng)
            pairs = {"whole": (live.joints_m, live.confidence), "desk": (hidden_m, hidden)}
            found = {body: _tracked(*one, name, f"person {index}", spans) for body, one in pairs.items()}
            if all(found.values()):
                yield {body: one for body, one in found.items() if one is not None}


def at_desk(joints_m: Floats, confidence: Floats, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Guess the legs in each picture, and lower the confidence from the hips on."""
    guessed, unsure = joints_m.copy(), confidence.copy()
    guessed[:, LEGS] += rng.normal(0, JITTER_M, (len(joints_m), len(LEGS), 3)).astype(np.float32)
    guessed[:, LEGS] += (smooth_noise(rng, len(joints_m), (1, 3)) * DRIFT_M).astype(np.float32)
    unsure[:, UNSEEN] = 0.05
    return guessed, unsure


def _tracked(joints_m: Floats, confidence: Floats, action: str, person: str, spans: tuple[Span, ...]) -> Shown | None:
    """Pass a stream through the live tracker; None where it loses the person."""
    frames = [
        PoseFrame(
            index=at, capture_time_ns=round((at + 1) * 1e9 / RATE_HZ), received_ns=0,
            poses=(Pose(joints_m=one, confidence=sure),),
        )
        for at, (one, sure) in enumerate(zip(joints_m, confidence, strict=True))
    ]  # fmt: skip
    histories = track_frames(frames, rate_hz=RATE_HZ, most_people=1)
    if len(histories) != 1:
        return None
    seen = histories[0]
    return Shown(
        action=action, person=person, joints_m=np.stack(seen.joints_m), confidence=np.stack(seen.confidence),
        spans=tuple((a, min(b, len(seen.joints_m))) for a, b in spans),
    )  # fmt: skip


def examples_of(shown: Shown, taught: int) -> list[Example]:
    """Cut the first repetitions out, with the joints around them."""
    found = []
    for start, end in shown.spans[:taught]:
        first, last = max(0, start - CONTEXT), min(len(shown.joints_m), end + CONTEXT)
        if start - first >= RATE_HZ / 2:
            found.append(
                Example(
                    action=shown.action, joints_m=shown.joints_m[first:last], confidence=shown.confidence[first:last],
                    start=start - first, end=end - first, person=shown.person, origin="study", created_utc=NOW,
                )
            )  # fmt: skip
    return found


def events_of(
    shown: Shown, tokens: RecordedTokens, taught: TaughtActions, model: StreamDescription
) -> list[ActionEvent]:
    """Find taught actions in one stream; return the ends of events."""
    decoder = TaughtDecoder(taught, model, Config(), source_id="study", rows=1)
    at = {int(frame): number for number, frame in enumerate(tokens.frames)}
    events: list[ActionEvent] = []
    for frame, (joints_m, confidence) in enumerate(zip(shown.joints_m, shown.confidence, strict=True)):
        joint_frame = JointFrame.of(
            joints_m[None], confidence[None], time_ns=round(frame * 1e9 / RATE_HZ), reset=frame == 0
        )
        predictions = []
        if frame in at:
            predictions = [
                Prediction(
                    joint_frame=joint_frame, has_output=np.ones(1, bool),
                    logits=np.zeros((1, len(model.labels)), np.float32),
                    future_joints_m=np.zeros((1, 0, 25, 3), np.float32), scales_m=np.zeros((1, 0, 25), np.float32),
                    embeddings=tokens.embeddings[at[frame]][None],
                )
            ]  # fmt: skip
        events += decoder.step(joint_frame, predictions)
    return [one for one in (*events, *decoder.close_all("shutdown")) if one.state == "end"]


def count(shown: Shown, events: Sequence[ActionEvent], taught: int) -> tuple[int, int, int]:
    """Return how many later repetitions there are, how many are found, and how many events are of no repetition."""
    frames = [
        (one.label, one.onset_time_ns / 1e9 * RATE_HZ, (one.end_time_ns or one.capture_time_ns) / 1e9 * RATE_HZ)
        for one in events
    ]
    right = [(first, last) for label, first, last in frames if label == shown.action]
    later = shown.spans[taught:]
    found = sum(any(first < b and last > a for first, last in right) for a, b in later)
    used = sum(any(first < b and last > a for a, b in shown.spans) for first, last in right)
    return len(later), found, len(frames) - used


def teach(
    drawn: Sequence[dict[str, Shown]], bodies: str, taught: int, encoder: TokenEncoder, background: Background
) -> tuple[TaughtActions, list[Example]]:
    """Fit the actions. bodies: how their teachers are seen; "mixed" for every other one at a desk."""
    examples = [
        one
        for number, pair in enumerate(drawn)
        for one in examples_of(pair[BODIES[number % 2] if bodies == "mixed" else bodies], taught)
    ]
    names = sorted({one.action for one in examples})
    taught_set = TaughtSet(
        examples=tuple(examples), corrections=(), quiet=(), settings={name: ActionSettings() for name in names}
    )
    fitted = fit(taught_set, encoder, background, fingerprint="0" * 64, encoder_name="study")
    return fitted.taught, examples


def main() -> None:
    """Draw, teach, find, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", default=",".join(CLASSES), metavar="A,B")
    parser.add_argument("--people", type=int, default=3, help="of each action")
    parser.add_argument("--taught", type=int, default=3, help="repetitions of each person that teach")
    parser.add_argument("--tested", type=int, default=3, help="repetitions of each person that are tested")
    parser.add_argument("--seed", type=int, default=3000)
    parser.add_argument("--streams", type=int, default=STREAMS, help="of the background, 90 s each")
    parser.add_argument("--work", type=Path, default=Path("actions"), help="where the background is kept")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(1)
    checkpoint = load_checkpoint()
    fingerprint = encoder_fingerprint(checkpoint.model.encoder, checkpoint.info.normaliser)
    encoder = TokenEncoder(TorchEngine(checkpoint.model), checkpoint.info.normaliser)
    options.work.mkdir(parents=True, exist_ok=True)
    background = load_background(options.work, encoder, fingerprint, streams=options.streams)
    model = HitrsStream(checkpoint, step_frames=1).description
    names = options.classes.split(",")
    drawn = list(draw(names, range(options.people), options.taught + options.tested, options.seed))
    tokens = {
        body: encoder.tokens_of([(pair[body].joints_m, pair[body].confidence) for pair in drawn]) for body in BODIES
    }
    rows = []
    for bodies in (*BODIES, "mixed"):
        taught, examples = teach(drawn, bodies, options.taught, encoder, background)
        without = [one.name for one in taught.actions if not one.needs_legs]
        print(f"taught {bodies}: {len(examples)} examples, need no legs: {', '.join(without) or 'none'}", flush=True)
        whole_only = msgspec.structs.replace(
            taught, actions=tuple(msgspec.structs.replace(one, needs_legs=True) for one in taught.actions)
        )
        for rule, actions in (("whole bodies only", whole_only), ("by examples", taught)):
            for body in BODIES:
                counts = np.array(
                    [
                        count(pair[body], events_of(pair[body], seen, actions, model), options.taught)
                        for pair, seen in zip(drawn, tokens[body], strict=True)
                    ]
                ).sum(axis=0)
                rows.append(
                    {
                        "taught": bodies, "shown": body, "rule": rule, "repetitions": int(counts[0]),
                        "found": int(counts[1]), "other_events": int(counts[2]),
                        "need_no_legs": len(without), "actions": len(taught.actions),
                    }
                )  # fmt: skip
                print(*(f"{key} {value}" for key, value in rows[-1].items()), sep="  ", flush=True)
    if options.json:
        write_report(
            options.json,
            {
                "command": f"python benchmarks/studies/taught_half_bodies.py --classes {options.classes} --people "
                f"{options.people} --taught {options.taught} --tested {options.tested} --seed {options.seed} --streams "
                f"{options.streams}",
                "rows": rows,
            },
        )


if __name__ == "__main__":
    main()
