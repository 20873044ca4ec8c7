"""Train a detector's video level and action head on the clips of banks; its frame and clip levels stay as they are.

Windows are cheap once their clips are encoded, so there are enough of them for every class and for hard negatives,
which are chosen again and again from all clips by the newest scores.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.data.array_format import BACKGROUND
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.model.detector import HitrsDetector
from hitrs_live.training.batches_clips import ClipBatches, ClipShares
from hitrs_live.training.class_targets import class_targets
from hitrs_live.training.clip_store import ClipStore
from hitrs_live.training.distributed import Processes
from hitrs_live.training.run import run_training
from hitrs_live.training.run_settings import beginning_text, settings_text
from hitrs_live.training.train_detector import weights_of
from hitrs_live.training.train_stream_detector import IndependentTraining, action_losses, keep_heads, save_independent
from hitrs_live.training.trainer import Step
from hitrs_live.training.training_logger import TrainingLogger

_WINDOWS_AT_ONCE: Final = 256


@dataclass(frozen=True, kw_only=True)
class ClipDetectorTraining(IndependentTraining):
    """Settings that decide the result, besides the banks and the detector that it begins from."""

    shares: ClipShares = field(default_factory=ClipShares)
    choose_every: int = 1000
    """Steps from one choice of hard clips to the next."""
    hard_share: float = 0.05
    """Share of all clips that are chosen as hard."""


def train_clip_detector(
    config: ClipDetectorTraining, store: ClipStore, begin: Checkpoint, out: Path, processes: Processes,
    logger: TrainingLogger,
) -> Path:  # fmt: skip
    """Train on a store's clips and write the detector's checkpoint; resume an earlier run to `out`.

    begin: the detector whose encoder the clips are of; of its classes those of the same name are kept. The motion head
    stays as it is, but reads another video level: train it again with `train-forecaster`. Returns the path.
    """
    torch.manual_seed(config.loop.seed)
    model = HitrsDetector(config.detector)
    model.encoder.load_state_dict(begin.model.encoder.state_dict())
    keep_heads(model, store.labels, begin)
    batches = ClipBatches(
        store, window_clips=config.detector.window_clips, size=config.batch,
        seed=(config.loop.seed, processes.rank), shares=config.shares,
    )  # fmt: skip
    chosen = out.with_suffix(".hard.npy")
    if chosen.exists():
        batches.hard = np.load(chosen, allow_pickle=False)
    module = _ClipLearner(model)

    def choose_hard(step: Step) -> None:
        if step.step % config.choose_every:
            return
        batches.hard = hardest_clips(module, store, config.detector.window_clips, config.hard_share)
        with whole_file(chosen) as unfinished, unfinished.open("wb") as file:
            np.save(file, batches.hard, allow_pickle=False)

    data = f"{store.hours:.1f} h of {', '.join(store.sources)}"
    settings = settings_text(config, processes=processes.count, data=data, begins_from=beginning_text(begin))
    provenance = {"made by": "hitrs-live train-detector", "data": data, "settings": settings}
    provenance |= {f"clips {name}": text for name, text in begin.info.provenance.items() if name in provenance}
    return run_training(
        module, config.loop, batches=batches,
        losses_of=lambda wrapped, batch: action_losses(wrapped(batch.clips), batch, 1.0),
        settings=settings, out=out, processes=processes, logger=logger, after_report=choose_hard,
        save=lambda trainer: save_independent(config, store.labels, weights_of(trainer), provenance, begin, out),
    )  # fmt: skip


class _ClipLearner(nn.Module):
    """A detector of which the video level and the action head are trained."""

    def __init__(self, detector: HitrsDetector) -> None:
        super().__init__()
        self.detector = detector
        detector.requires_grad_(False)
        detector.encoder.video_encoder.requires_grad_(True)
        detector.action_head.requires_grad_(True)

    def forward(self, clips: Tensor) -> Tensor:
        """Predict at every clip of windows. clips: (B, W, C) -> logits (B, W, K)."""
        _, outputs = self.detector.encoder.video_encoder(clips, causal=True)
        logits: Tensor = self.detector.action_head(outputs)
        return logits


@torch.no_grad()
def hardest_clips(module: nn.Module, store: ClipStore, window_clips: int, share: float) -> NDArray[np.int64]:
    """Return the background clips of a store in which a class that is not done scores highest: its hard negatives.

    module: maps clips (B, W, C) to logits (B, W, K); window_clips: W. share: of all rows that are chosen at most.
    Actions are not chosen: the first clips of each are hard in any case, since nothing has been seen of it.
    """
    training = module.training
    module.eval()
    highest = np.zeros(len(store), np.float32)
    # Windows overlap by half. Backwards, the score of a clip that stays is the one with more history.
    windows = _covering_windows(store, window_clips)[::-1]
    for some in np.array_split(windows, -(-len(windows) // _WINDOWS_AT_ONCE)):
        rows = np.minimum(some[:, :1] + np.arange(window_clips), some[:, 1:] - 1)
        scores = torch.sigmoid(module(torch.from_numpy(store.tokens[rows, 0].astype(np.float32)))).numpy()
        sources = store.source_of[rows]
        labels = store.class_of[rows]
        # Only background is chosen, so it does not matter what an action is recognised as.
        _, weights = class_targets(
            labels, store.known[sources], store.similar, store.absent[sources], np.zeros(labels.shape, bool)
        )
        highest[rows.ravel()] = (scores * weights).max(-1).ravel()
    module.train(training)
    highest[store.class_of > BACKGROUND] = 0.0
    count = min(round(share * len(store)), int((highest > 0).sum()))
    return np.sort(np.argpartition(-highest, max(0, count - 1))[:count])


def _covering_windows(store: ClipStore, window_clips: int) -> NDArray[np.int64]:
    """Return windows that overlap by half and cover every stream: (n, 2), first row and end of the stream, in order."""
    streams = np.unique(np.stack((store.first, store.end), axis=1), axis=0)
    return np.array(
        [
            (begin, end)
            for first, end in streams.tolist()
            for begin in range(first, max(first + 1, end - window_clips // 2), window_clips // 2)
        ]
    )
