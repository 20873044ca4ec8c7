"""Measure the value of pre-training: recognition from few labels and from all, with and without it, on real data.

    python benchmarks/studies/pretraining.py --work runs/pretraining --json FILE [--reduced] [--fused]

Pre-trains on the shipped model's data, then classifies the actions of held-out people in three data sets, from 100,
10, 5 and 1 % of the labels: fine-tuned from the pre-trained encoder and from scratch, by a linear probe on the frozen
encoder (and on an untrained one), and by two baselines, a plain transformer with as many parameters and a GRU. Every
result is saved in --work, so that an interrupted run resumes; results of the same sequences and seed (a tenth of ten
labels is one, and so is a hundredth) are measured once. `--reduced` is the size for two CPU cores. One cell of the
table can be measured over more seeds: `--only precog --share 0.01 --seeds 10 --method fine-tuned --method scratch`.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import mean, stdev
from threading import Lock
from typing import Any

import torch
from baselines import GruBaseline, PlainTransformer, train_baseline
from rates import at_usual_rate
from rich.console import Console
from rich.table import Table

from hitrs_live.checkpoint import EncoderCheckpoint, EncoderInfo, load_encoder, save_checkpoint
from hitrs_live.data.array_format import data_folder
from hitrs_live.data.dataset import Dataset
from hitrs_live.data.open_dataset import open_dataset
from hitrs_live.data.subsets import draw_subset, save_subset
from hitrs_live.evaluation.classifiers import class_numbers, open_head
from hitrs_live.evaluation.embeddings import sequence_tokens
from hitrs_live.evaluation.probes import choose_weight_decay, fit_linear
from hitrs_live.evaluation.reports.recognition import evaluate_recognition, recognise
from hitrs_live.model.hitrs import SIZES, HiTRS
from hitrs_live.model.recogniser import Readout
from hitrs_live.transforms import MODALITIES, NormaliserConfig

DATASETS = {"nw_ucla": "measure/nw_ucla.npz", "utkinect": "measure/utkinect_streams.npz", "precog": "ship/precog16.npz"}
SHARES = (1.0, 0.1, 0.05, 0.01)
BASELINES = ("plain transformer", "GRU")
METHODS = ("scratch", "fine-tuned", "linear", "linear, untrained", *BASELINES)


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Sizes, numbers of steps and seeds."""

    size: str
    pretrain_steps: int
    pretrain_batch: int
    epochs: int
    least_steps: int
    """Steps of fine-tuning, at least, however few labels there are."""
    seeds: dict[float, int]
    """By share of labels."""

    def steps(self, sequences: int) -> int:
        """Return the steps of fine-tuning on a number of sequences, 16 a step."""
        return max(self.least_steps, self.epochs * (sequences // 16))


FULL = Budget(
    size="small", pretrain_steps=20_000, pretrain_batch=128, epochs=80, least_steps=600,
    seeds={1.0: 3, 0.1: 5, 0.05: 5, 0.01: 5},
)  # fmt: skip
REDUCED = Budget(
    size="tiny", pretrain_steps=1500, pretrain_batch=32, epochs=20, least_steps=200,
    seeds={1.0: 1, 0.1: 3, 0.05: 3, 0.01: 3},
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """Trainings and measurements of one run of this script, saved in `work`."""

    work: Path
    budget: Budget
    data: Path
    device: str
    threads: int
    readout: Readout = "max"
    precision: str = "auto"
    encoder_rate: float = 1.0
    """Learning rate of a pre-trained encoder in fine-tuning, as a share of that of the head."""
    mirror: bool = False
    """Whether fine-tuning uses mirror images, and scores are averaged with those of mirror images."""
    alone: Lock = field(default_factory=Lock)
    """Lock for code that uses this process's random state, or writes files that other measurements read."""

    @property
    def suffix(self) -> str:
        """Part of a saved file's name that depends on the readout and on mirror images."""
        return ("" if self.readout == "token" else f"_{self.readout}") + ("_mirror" if self.mirror else "")

    @property
    def tuned_suffix(self) -> str:
        """The same for files fine-tuned from an encoder, with the encoder's learning rate."""
        return self.suffix + ("" if self.encoder_rate == 1 else f"_{self.encoder_rate:g}")

    def pretrained(self, modality: str) -> Path:
        """Pre-train an encoder, unless it is saved."""
        out = self.work / f"encoder_{modality}.safetensors"
        done = out.with_suffix(".done")
        if not done.exists():
            self._train(
                "pretrain", "--data", self.data / "ship", "--out", out, "--size", self.budget.size,
                "--modality", modality, "--steps", self.budget.pretrain_steps, "--batch", self.budget.pretrain_batch,
            )  # fmt: skip
            done.touch()
        return out

    def untrained(self, seed: int) -> Path:
        """Create an untrained encoder."""
        out = self.work / f"untrained_{seed}.safetensors"
        if not out.exists():
            torch.manual_seed(seed)
            config = SIZES[self.budget.size]
            info = EncoderInfo(name="untrained", encoder=config, normaliser=NormaliserConfig())
            save_checkpoint(out, EncoderCheckpoint(info=info, model=HiTRS(config)))
        return out

    def subset(self, name: str, share: float, seed: int) -> Path:
        """Draw the sequences whose labels may be used."""
        out = self.work / "subsets" / f"{name}_{share:g}_{seed}.txt"
        if not out.exists():
            train, _ = self.open(name)
            save_subset(out, draw_subset(train, share, seed), share=share, seed=seed, data=name)
        return out

    def source(self, name: str) -> Path:
        """Resample a data set to the rate of the models, unless it has that rate."""
        return at_usual_rate(self.data / DATASETS[name], self.work / name)

    def open(self, name: str) -> tuple[Dataset, Dataset]:
        """Open the training and the test sequences of a data set."""
        train, test = open_dataset(self.source(name)).split()
        return train.segments(), test.segments()

    def finetuned(self, name: str, share: float, seed: int, begin: Path | None, modality: str = "joint") -> Path:
        """Fine-tune a recogniser, from an encoder or from scratch."""
        how = "scratch" if begin is None else "tuned"
        by = self.suffix if begin is None else self.tuned_suffix
        out = self.work / "recognisers" / f"{name}_{share:g}_{seed}_{how}_{modality}{by}.safetensors"
        subset = self.subset(name, share, seed)
        steps = self.budget.steps(len(read_names(subset)))
        self._train(
            "finetune", "--data", self.source(name), "--subset", subset, "--out", out, "--seed", seed,
            "--steps", steps, "--size", self.budget.size, "--modality", modality, "--readout", self.readout,
            "--encoder-rate", self.encoder_rate, "--mirror" if self.mirror else "--no-mirror",
            *(() if begin is None else ("--checkpoint", begin)),
        )  # fmt: skip
        return out

    def figure(self, name: str, method: str, share: float, seed: int) -> float:
        """Return the accuracy on the test sequences; measure it unless it is saved."""
        names = "\n".join(sorted(read_names(self.subset(name, share, seed))))
        labels = hashlib.sha256(names.encode()).hexdigest()[:8]
        by = "" if method in BASELINES else self.tuned_suffix if method == "fine-tuned" else self.suffix
        out = self.work / "figures" / f"{name}_{method.replace(', ', '_').replace(' ', '_')}_{labels}_{seed}{by}.json"
        if not out.exists():
            began = time.monotonic()
            top1 = self._measure(name, method, share, seed)
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(json.dumps({"top1": top1, "seconds": round(time.monotonic() - began, 1)}) + "\n")
            print(f"{name}, {share:.0%} of labels, seed {seed}, {method}: {top1:.4f}", flush=True)
        top1 = json.loads(out.read_text())["top1"]
        return float(top1)

    def _measure(self, name: str, method: str, share: float, seed: int) -> float:
        if method in BASELINES:
            with self.alone:
                return self._baseline(name, method, self.subset(name, share, seed), seed)
        if method.startswith("linear"):
            with self.alone:
                encoder = self.pretrained("joint") if method == "linear" else self.untrained(seed)
                return self._linear(name, encoder, self.subset(name, share, seed), seed)
        begin = self.pretrained("joint") if method == "fine-tuned" else None
        _, test = self.open(name)
        scores, labels = recognise(open_head(self.finetuned(name, share, seed, begin), test), test)
        return float((scores.argmax(1) == labels).mean())

    def _linear(self, name: str, encoder: Path, subset: Path, seed: int) -> float:
        train, test = self.open(name)
        halves = []
        for half, data in (("train", train), ("test", test)):
            kept = self.work / "tokens" / f"{name}_{half}_{encoder.stem}{self.suffix}.pt"
            if not kept.exists():
                kept.parent.mkdir(parents=True, exist_ok=True)
                torch.save(sequence_tokens(load_encoder(encoder), data, self.readout), kept)
            halves.append((torch.load(kept, weights_only=True), torch.from_numpy(class_numbers(data))))
        (known, labels), (tested, truth) = halves
        names = read_names(subset)
        chosen = torch.tensor([sample.name in names for sample in train.samples])
        known, labels, classes = known[chosen], labels[chosen], len(train.classes)
        probe = fit_linear(known, labels, classes, choose_weight_decay(known, labels, classes, seed))
        return float((probe.score(tested).argmax(-1) == truth).float().mean())

    def _baseline(self, name: str, method: str, subset: Path, seed: int) -> float:
        train, test = self.open(name)
        names = read_names(subset)
        train = train.only([sample for sample in train.samples if sample.name in names])
        parameters = sum(p.numel() for p in HiTRS(SIZES[self.budget.size]).parameters())
        make: dict[str, Callable[[int], torch.nn.Module]] = {
            "plain transformer": lambda classes: PlainTransformer.of_size(parameters, classes),
            "GRU": lambda classes: GruBaseline(classes),
        }
        steps = self.budget.steps(len(train.samples))
        return train_baseline(make[method], train, test, steps=steps, seed=seed)

    def _train(self, *arguments: object) -> None:
        how = ("--device", self.device, "--threads", self.threads, "--precision", self.precision)
        command = [sys.executable, "-m", "hitrs_live.cli", *map(str, (*arguments, *how))]
        log = self.work / "log.txt"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as file:
            subprocess.run(command, check=True, stdout=file, stderr=file)

    def fused(self) -> dict[str, Any]:
        """Fine-tune on all of Northwestern-UCLA, one recogniser for each modality, and average their scores."""
        out = self.work / "figures" / f"nw_ucla_fused{self.tuned_suffix}.json"
        if not out.exists():
            files = [self.finetuned("nw_ucla", 1.0, 0, self.pretrained(m), m) for m in MODALITIES]
            report = evaluate_recognition(open_dataset(self.source("nw_ucla")), files)
            out.write_text(json.dumps(report, indent=2) + "\n")
        result: dict[str, Any] = json.loads(out.read_text())
        return result


def read_names(subset: Path) -> frozenset[str]:
    """Read the names of a subset file."""
    return frozenset(line for line in subset.read_text().splitlines() if not line.startswith("#"))


def cells(
    budget: Budget, names: Sequence[str] = tuple(DATASETS), shares: Sequence[float] = SHARES
) -> Iterator[tuple[str, str, float, int]]:
    """List the cells to measure, the quickest first."""
    for share in reversed(shares):
        for name in names:
            for seed in range(budget.seeds[share]):
                for method in METHODS:
                    yield name, method, share, seed


def uses_pretrained(chosen: Sequence[tuple[str, str, float, int]]) -> bool:
    """Return whether any of the cells uses the pre-trained encoder."""
    return any(method in ("linear", "fine-tuned") for _, method, _, _ in chosen)


def measure(runs: Measurements, chosen: Sequence[tuple[str, str, float, int]], jobs: int) -> None:
    """Measure the cells that are not saved yet, several at once."""
    if uses_pretrained(chosen):
        runs.pretrained("joint")
    for name, _, share, seed in chosen:
        runs.subset(name, share, seed)
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda cell: runs.figure(*cell), chosen))


def report(runs: Measurements, chosen: Sequence[tuple[str, str, float, int]]) -> dict[str, Any]:
    """Collect the saved results with mean and standard deviation over seeds."""
    figures: dict[str, Any] = {name: {} for name, _, _, _ in chosen}
    for name, method, share, seed in chosen:
        row = figures[name].setdefault(f"{share:.0%}", {}).setdefault(method, [])
        row.append(runs.figure(name, method, share, seed))
    for shares in figures.values():
        for methods in shares.values():
            for method, values in methods.items():
                spread = stdev(values) if len(values) > 1 else 0.0
                methods[method] = {"mean": round(mean(values), 4), "spread": round(spread, 4), "seeds": values}
    budget: dict[str, Any] = {"size": runs.budget.size, "readout": runs.readout, "precision": runs.precision}
    budget |= {"encoder_rate": runs.encoder_rate, "mirror": runs.mirror}
    if uses_pretrained(chosen):
        budget["provenance"] = load_encoder(runs.pretrained("joint")).info.provenance
    return {
        "what": "top-1 on test sequences; spread is the standard deviation over seeds (subset, start and order alike)",
        "budget": budget,
        "top1": figures,
    }


def table(figures: dict[str, Any]) -> Iterator[Table]:
    """Build a table for each data set."""
    for name, shares in figures["top1"].items():
        built = Table("method", *shares, title=f"{name}: top-1, %")
        for method in next(iter(shares.values())):
            row = [shares[share][method] for share in shares]
            built.add_row(method, *(f"{100 * cell['mean']:.1f} ± {100 * cell['spread']:.1f}" for cell in row))
        yield built


def main() -> None:
    """Measure the chosen cells, print the tables and write the figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/pretraining"), help="folder of saved results")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--data", type=Path, default=data_folder())
    parser.add_argument("--reduced", action="store_true", help="the size for two CPU cores")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto", help="auto: bf16 on a GPU")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--method", action="append", choices=METHODS, help="measure only this one; repeatable")
    parser.add_argument("--only", action="append", choices=tuple(DATASETS), help="only on this data set; repeatable")
    parser.add_argument("--share", action="append", type=float, choices=SHARES, help="only with this share of labels")
    parser.add_argument("--seeds", type=int, help="number of seeds for every share")
    parser.add_argument("--fused", action="store_true", help="average joint, bone and motion models on NW-UCLA too")
    parser.add_argument("--readout", choices=("token", "max"), default="max", help="how a sequence is pooled")
    parser.add_argument("--encoder-rate", type=float, default=1.0, help="share of the rate for a pre-trained encoder")
    parser.add_argument("--mirror", action="store_true", help="fine-tune on mirror images too, and average both scores")
    parser.add_argument("--jobs", type=int, default=1, help="measurements at once")
    options = parser.parse_args()
    budget = REDUCED if options.reduced else FULL
    if options.seeds:
        budget = replace(budget, seeds=dict.fromkeys(SHARES, options.seeds))
    runs = Measurements(
        work=options.work, budget=budget, data=options.data, device=options.device,
        threads=options.threads, readout=options.readout, precision=options.precision,
        encoder_rate=options.encoder_rate, mirror=options.mirror,
    )  # fmt: skip
    torch.set_num_threads(options.threads)
    names = tuple(options.only or DATASETS)
    shares = tuple(share for share in SHARES if share in (options.share or SHARES))
    chosen = [cell for cell in cells(budget, names, shares) if cell[1] in (options.method or METHODS)]
    measure(runs, chosen, options.jobs)
    figures = report(runs, chosen)
    for built in table(figures):
        Console().print(built)
    if options.fused:
        figures["nw_ucla_fused"] = runs.fused()
        print(f"NW-UCLA, joint + bone + motion: {100 * figures['nw_ucla_fused']['top1']:.2f} %")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
