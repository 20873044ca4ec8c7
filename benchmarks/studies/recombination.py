"""Measure whether recombination keeps a classifier from deciding leg exercises by the arms.

One small classifier is trained on recordings as they are, one on recombined ones: the same training subjects, bodies,
tempos, mirroring and number of frames. Both are tested on squats and lunges of MARS, whose people and arms are others
(hands at the head in squats and lunges, arms spread in side lunges), in frames near the lowest point of a repetition.

    python benchmarks/studies/recombination.py [--json reports/recombination.json]
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from hitrs_live.data.array_format import BACKGROUND, Archive, data_folder, load_archive
from hitrs_live.data.shipped_classes import LABELS
from hitrs_live.skeleton import NTU25
from hitrs_live.synthesis.recombination import RecombinationConfig, Recombiner, read_sources
from hitrs_live.synthesis.recorded_body import HIPS, SHOULDERS
from hitrs_live.synthesis.segments import without_pops

Floats = NDArray[np.float32]

AS_RECORDED = {"whole": 0.7, "idle": 0.3}
MARS_CLASSES = {
    "squat": "squat",
    "left_front_lunge": "lunge",
    "right_front_lunge": "lunge",
    "left_side_lunge": "side_lunge",
    "right_side_lunge": "side_lunge",
}
LEG_CLASSES = ("squat", "lunge", "side_lunge", "sit_to_stand", "leg_raise", "hurdle_step")
PARTS = ("shoulder", "elbow", "hand", "hip", "knee", "ankle")
JOINTS = [NTU25.index(name) for name in ("head", *(f"{side}_{part}" for side in ("left", "right") for part in PARTS))]
WRISTS = [NTU25.index("left_hand"), NTU25.index("right_hand")]
WINDOW, EVERY = 45, 5
STREAM_FRAMES, STEP = 900, 6


def windows(joints_m: Floats, centres: NDArray[np.int64]) -> Floats:
    """Cut windows and normalise them: by trunk length, place and heading. Returns (N, features)."""
    at = np.clip(centres[:, None] + np.arange(-(WINDOW // 2), WINDOW // 2 + 1, EVERY), 0, len(joints_m) - 1)
    cut = joints_m[at]
    hips = cut[:, :, HIPS].mean(2)
    trunk = np.linalg.norm(cut[:, :, SHOULDERS].mean(2) - hips, axis=-1).mean(1)
    across = (cut[:, :, HIPS[0]] - cut[:, :, HIPS[1]]).mean(1)
    angle = np.arctan2(-across[:, 2], across[:, 0])
    cos, sin, zero, one = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    back = np.stack([np.stack(r, -1) for r in ((cos, zero, -sin), (zero, one, zero), (sin, zero, cos))], -2)
    lowest = cut[..., 1].min((1, 2))
    origin = np.stack([hips[..., 0].mean(1), lowest, hips[..., 2].mean(1)], -1)
    local = (cut[:, :, JOINTS] - origin[:, None, None]) @ back.transpose(0, 2, 1)[:, None]
    flat: Floats = (local / trunk[:, None, None, None]).reshape(len(centres), -1).astype(np.float32)
    return flat


def training_windows(recombiner: Recombiner, streams: int) -> tuple[Floats, NDArray[np.int64], dict[str, float]]:
    """Draw streams and cut windows every 0.2 s. Returns features, classes, and how often a hand is raised by class."""
    features, classes, raised = [], [], []
    centres = np.arange(WINDOW // 2, STREAM_FRAMES - WINDOW // 2, STEP)
    for seed in range(streams):
        stream = recombiner.draw(STREAM_FRAMES, np.random.default_rng(seed))
        features.append(windows(stream.joints_m, centres))
        classes.append(stream.labels[centres])
        raised.append(hand_raised(stream.joints_m[centres]))
    labels, up = np.concatenate(classes), np.concatenate(raised)
    shares = {name: round(float(up[labels == LABELS.index(name)].mean()), 3) for name in LEG_CLASSES}
    return np.concatenate(features), labels, shares


def hand_raised(joints_m: Floats) -> NDArray[np.bool_]:
    """Find where a hand is above its shoulder. joints_m: (T, 25, 3). Returns (T,)."""
    up: NDArray[np.bool_] = (joints_m[:, WRISTS, 1] > joints_m[:, SHOULDERS, 1]).any(1)
    return up


def train(features: Floats, classes: NDArray[np.int64], seed: int) -> nn.Module:
    """Train a small network on windows, every class weighted alike."""
    torch.manual_seed(seed)
    mean, deviation = features.mean(0), features.std(0) + 0.05
    net = nn.Sequential(nn.Linear(features.shape[1], 128), nn.GELU(), nn.Dropout(0.3), nn.Linear(128, len(LABELS)))
    weight = 1 / np.sqrt(np.maximum(np.bincount(classes, minlength=len(LABELS)), 1))
    loss = nn.CrossEntropyLoss(torch.tensor(weight / weight.mean(), dtype=torch.float32))
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05)
    x, y = torch.from_numpy((features - mean) / deviation), torch.from_numpy(classes)
    for _ in range(25):
        for batch in torch.randperm(len(x)).split(256):
            noisy = x[batch] + 0.1 * torch.randn(len(batch), x.shape[1])
            optimiser.zero_grad()
            loss(net(noisy), y[batch]).backward()
            optimiser.step()
    first = net[0]
    with torch.no_grad():
        scale = torch.from_numpy(1 / deviation)
        first.bias -= first.weight @ (torch.from_numpy(mean) * scale)
        first.weight *= scale
    return net.eval()


def mars_repetitions(archive: Archive) -> Iterator[tuple[str, Floats, NDArray[np.int64]]]:
    """Yield the class, joints and frames near the lowest point of every MARS piece of the training subjects."""
    ends = np.cumsum(archive.lengths)
    for start, end, subject in zip(ends - archive.lengths, ends, archive.subjects, strict=True):
        name = MARS_CLASSES.get(archive.label_names[int(archive.labels[start])])
        if name is not None and subject != "mars4":
            joints = without_pops(archive.joints[start:end])
            height = joints[:, NTU25.root, 1] - np.percentile(joints[..., 1].min(1), 10)
            high, low = np.percentile(height, (95, 3))
            yield name, joints, np.flatnonzero(high - height > 0.6 * (high - low))[::3]


def evaluate(net: nn.Module, archive: Archive) -> dict[str, dict[str, float]]:
    """Measure top-1 among the classes by class and by where the hands are, and what is predicted instead."""
    raised: dict[str, list[NDArray[np.bool_]]] = {}
    predicted: dict[str, list[NDArray[np.int64]]] = {}
    actions: dict[str, list[NDArray[np.int64]]] = {}
    for name, joints, frames in mars_repetitions(archive):
        with torch.no_grad():
            logits = net(torch.from_numpy(windows(joints, frames))).numpy()
        predicted.setdefault(name, []).append(logits.argmax(1))
        actions.setdefault(name, []).append(logits[:, 1:].argmax(1) + 1)
        raised.setdefault(name, []).append(hand_raised(joints[frames]))
    table = {}
    for name, parts in predicted.items():
        classes, up = np.concatenate(parts), np.concatenate(raised[name])
        right = classes == LABELS.index(name)
        numbers, counts = np.unique(classes, return_counts=True)
        table[name] = {
            "windows": len(classes),
            "right": round(float(right.mean()), 3),
            "right among actions": round(float((np.concatenate(actions[name]) == LABELS.index(name)).mean()), 3),
            "hand above shoulder": round(float(up.mean()), 3),
            "background": round(float((classes == BACKGROUND).mean()), 3),
            **{
                f"as {LABELS[n]}": round(c / len(classes), 3)
                for n, c in zip(numbers, counts, strict=True)
                if c > 0.05 * len(classes)
            },
        }
    return table


def main() -> None:
    """Train and test both classifiers and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--streams", type=int, default=60, help="training streams of 30 s (default 60)")
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    sources, mars = read_sources(data_folder()), load_archive(data_folder() / "ship" / "mars_kinect.npz")
    report: dict[str, object] = {"streams": args.streams}
    for name, config in (
        ("as recorded", RecombinationConfig(weights=AS_RECORDED)),
        ("recombined", RecombinationConfig()),
    ):
        recombiner = Recombiner(sources, config=config)
        features, classes, raised_share = training_windows(recombiner, args.streams)
        tables = [evaluate(train(features, classes, seed), mars) for seed in range(args.seeds)]
        kinds = ("right", "right among actions")
        right = {key: {kind: [one[key][kind] for one in tables] for kind in kinds} for key in tables[0]}
        report[name] = {
            "counts": dict(recombiner.counts),
            "hand raised": raised_share,
            "by seed": right,
            "first seed": tables[0],
        }
        print(name, dict(recombiner.counts), "hand above shoulder in training:", raised_share)
        for key, values in right.items():
            means = ", ".join(f"{kind} {np.mean(v):.3f} ({min(v):.3f} to {max(v):.3f})" for kind, v in values.items())
            print(f"  {key:10s} {means}; first seed: {tables[0][key]}")
    if args.json:
        args.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
