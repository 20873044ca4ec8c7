"""Fit the temporal lifter to rendered views, whose true joints are known."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.errors import DataError
from hitrs_live.temporal_lifting.bones import BONES_OF, THIGHS, TRUNK
from hitrs_live.temporal_lifting.lifting import JOINTS, LifterInputs, LifterOutputs
from hitrs_live.temporal_lifting.network import LifterNetwork
from hitrs_live.training.lifter_changes import Changes, changed_sequence
from hitrs_live.training.lifter_motion import SeenMotion, motion_sequence
from hitrs_live.virtual_camera.lifter_sequences import LifterSequence
from hitrs_live.virtual_camera.views.rendered_view import RenderedView

Report = Callable[[str], None]
_LEAST_VIEWS: Final = 8
_REPORT_STEPS: Final = 100
_MEASURED_VIEWS: Final = 200


@dataclass(frozen=True, kw_only=True)
class LifterSettings:
    """How long and how to fit."""

    seed: int = 0
    steps: int = 2000
    batch: int = 40
    window: int = 40
    """Frames of a training window."""
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    dropout: float = 0.1
    motion_share: float = 0.5
    """Share of windows that are of motion without pictures."""
    redrawn_motions: int = 3
    """Pieces of motion that are changed again with each step."""
    redrawn_share: float = 0.006
    """Share of the sequences that is changed again at random with each step."""
    average: float = 0.995
    """Of the weights over steps."""
    changes: Changes = field(default_factory=Changes)
    bone_weight: float = 1.0
    length_weight: float = 0.5
    kept_weight: float = 2.0
    """Of bones that are as long as they should be."""
    trunk_weight: float = 1.0
    projection_weight: float = 3.0
    velocity_weight: float = 1.0
    root_weight: float = 1.0
    size_weight: float = 1.0
    visible_weight: float = 0.2
    error_weight: float = 0.3


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Windows of sequences, padded at the end. B windows of T frames."""

    inputs: LifterInputs
    joints_m: Tensor
    """(B, T, 25, 3)."""
    root: Tensor
    """(B, T, 3)."""
    visible: Tensor
    """(B, T, 25)."""
    valid: Tensor
    """(B, T) bool."""
    rendered: Tensor
    """(B,) bool; whether `visible` is known, and errors are those of the pose stage itself."""


def fit_lifter(
    views: Sequence[RenderedView], motions: Sequence[SeenMotion], settings: LifterSettings, report: Report
) -> LifterNetwork:
    """Fit a network to rendered views, and to motion without pictures. Raises DataError for too few views."""
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    pool = _SequencePool(views, motions, settings, rng)
    network = LifterNetwork(settings.dropout)
    network.begin_with(*_measured(network, pool.rendered[:_MEASURED_VIEWS]))
    network.train()
    optimiser = torch.optim.AdamW(network.parameters(), settings.learning_rate, weight_decay=settings.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, settings.learning_rate, settings.steps, pct_start=0.1, div_factor=10, final_div_factor=100
    )
    averaged, running = AveragedWeights(network, settings.average), _RunningMeans()
    for step in range(1, settings.steps + 1):
        pool.redraw()
        batch = draw_batch(pool.rendered, pool.moving, settings, rng)
        outputs, _ = network(batch.inputs, network.initial_state(len(batch.valid)))
        losses = lifter_losses(outputs, batch)
        loss = torch.stack([getattr(settings, f"{name}_weight", 1.0) * value for name, value in losses.items()]).sum()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        averaged.follow(network, step)
        running.follow(losses)
        if step % _REPORT_STEPS == 0 or step == settings.steps:
            report(f"step {step} of {settings.steps}: {running}")
    network.load_state_dict(averaged.weights)
    return network.eval()


class AveragedWeights:
    """Average a network's weights over the last steps."""

    def __init__(self, network: LifterNetwork, keep: float) -> None:
        """Begin with the network's weights. keep: share of the average that a step leaves."""
        self._keep = keep
        self.weights = {key: value.detach().clone() for key, value in network.state_dict().items()}

    def follow(self, network: LifterNetwork, step: int) -> None:
        """Move towards the network's weights; the first steps are averaged over fewer."""
        keep = min(self._keep, step / (step + 10))
        for key, value in network.state_dict().items():
            self.weights[key].lerp_(value, 1 - keep)


class _RunningMeans:
    def __init__(self) -> None:
        self._means: dict[str, float] = {}

    def follow(self, losses: Mapping[str, Tensor]) -> None:
        for name, loss in losses.items():
            value = loss.item()
            mean = self._means.get(name, value)
            self._means[name] = mean + 0.02 * (value - mean)

    def __str__(self) -> str:
        return ", ".join(f"{name} {mean:.3f}" for name, mean in self._means.items())


class _SequencePool:
    """Sequences made of views and of motion, some of which are changed again at random with each step."""

    def __init__(
        self, views: Sequence[RenderedView], motions: Sequence[SeenMotion], settings: LifterSettings,
        rng: np.random.Generator,
    ) -> None:  # fmt: skip
        self._views, self._motions, self._settings, self._rng = views, motions, settings, rng
        self._of_views = [changed_sequence(view, settings.changes, rng) for view in views]
        self._of_motions = [motion_sequence(one, settings.changes, rng) for one in motions]
        if len(self.rendered) < _LEAST_VIEWS:
            raise DataError(
                f"{len(views)} views, a person in {len(self.rendered)} of them, expected at least {_LEAST_VIEWS}; "
                "render more with `hitrs-live render`"
            )

    @property
    def rendered(self) -> list[LifterSequence]:
        return [one for one in self._of_views if one is not None]

    @property
    def moving(self) -> list[LifterSequence]:
        return [one for one in self._of_motions if one is not None]

    def redraw(self) -> None:
        settings, rng = self._settings, self._rng
        count = max(1, round(settings.redrawn_share * len(self._views)))
        for index in rng.integers(len(self._views), size=count).tolist():
            self._of_views[index] = changed_sequence(self._views[index], settings.changes, rng)
        for index in rng.integers(len(self._motions), size=settings.redrawn_motions).tolist() if self._motions else ():
            self._of_motions[index] = motion_sequence(self._motions[index], settings.changes, rng)


def draw_batch(
    rendered: Sequence[LifterSequence], moving: Sequence[LifterSequence], settings: LifterSettings,
    rng: np.random.Generator,
) -> Batch:  # fmt: skip
    """Draw windows at random; the first frame of each counts as the person's first."""
    spans = []
    for _ in range(settings.batch):
        chosen = moving if len(moving) and rng.random() < settings.motion_share else rendered
        one = chosen[int(rng.integers(len(chosen)))]
        length = len(one)
        # Beginnings are as usual as later windows: a person's first frames count too.
        start = 0 if rng.random() < 0.3 else int(rng.integers(max(1, length - settings.window + 1)))
        spans.append((one, slice(start, min(length, start + settings.window))))
    longest = max(span.stop - span.start for _, span in spans)

    def padded(parts: Sequence[Tensor]) -> Tensor:
        return torch.stack(
            [torch.cat((part, part[-1:].expand(longest - len(part), *part.shape[1:]))) for part in parts]
        )

    inputs = LifterInputs(*(padded([part[0, span] for part, span in parts]) for parts in _fields(spans)))
    inputs = inputs._replace(step_s=torch.cat((torch.zeros(len(spans), 1), inputs.step_s[:, 1:]), dim=1))
    ends = torch.tensor([span.stop - span.start for _, span in spans])
    return Batch(
        inputs=inputs,
        joints_m=padded([one.joints_m[span] for one, span in spans]),
        root=padded([one.root[span] for one, span in spans]),
        visible=padded([_visible(one)[span] for one, span in spans]),
        rendered=torch.tensor([one.visible is not None for one, _ in spans]),
        valid=torch.arange(longest) < ends[:, None],
    )


def _visible(one: LifterSequence) -> Tensor:
    return torch.zeros(len(one), JOINTS) if one.visible is None else one.visible.float()


def _fields(spans: Sequence[tuple[LifterSequence, slice]]) -> Sequence[Sequence[tuple[Tensor, slice]]]:
    return [[(one.inputs[place], span) for one, span in spans] for place in range(len(LifterInputs._fields))]


def lifter_losses(outputs: LifterOutputs, batch: Batch) -> dict[str, Tensor]:
    """Compute the losses, each about 1 for an untrained network.

    A body twice as large, twice as far away, looks the same: all but the size and the expected error are of the true
    body in the size that the network gives it.
    """
    valid = batch.valid
    rendered = valid & batch.rendered[:, None]
    size, true_size = _size(outputs.bone_m), _size((torch.from_numpy(BONES_OF) @ batch.joints_m).norm(dim=-1))
    resized = (size / true_size).detach()
    true_m = batch.joints_m * resized[..., None, None]
    true_root = torch.cat((batch.root[..., :2], batch.root[..., 2:] + resized.log()[..., None]), dim=-1)
    true_bones = torch.from_numpy(BONES_OF) @ true_m
    true_directions = F.normalize(true_bones, dim=-1, eps=1e-3)
    true_lengths = true_bones.norm(dim=-1)
    has_length = (true_lengths > 0.02)[valid]
    off_m = (outputs.view_joints - true_m).norm(dim=-1)
    turned = (outputs.view_bones - true_directions).norm(dim=-1)
    trunk = true_lengths[..., TRUNK].clamp_min(0.2)
    seen, true_seen = _seen(outputs.view_joints, outputs.root), _seen(true_m, true_root)
    shifted = (seen - true_seen).norm(dim=-1) * (true_root[..., 2].exp() / trunk)[..., None]
    moved = (outputs.view_joints - true_m).diff(dim=1).norm(dim=-1)
    both = valid[:, 1:] & valid[:, :-1]
    error = (outputs.view_joints.detach() - batch.joints_m).norm(dim=-1)[..., 1:]
    likelihood = error / outputs.error_m[..., 1:] + outputs.error_m[..., 1:].log() + 2
    visible = F.binary_cross_entropy_with_logits(outputs.visible, batch.visible, reduction="none")
    return {
        "joints": 10 * off_m[valid].mean(),
        "bone": turned[valid][has_length].mean(),
        "length": _log_ratio(outputs.bone_m, true_lengths)[valid][has_length].mean(),
        "kept": _kept(outputs)[valid].mean(),
        "trunk": turned[..., TRUNK][valid].mean(),
        "projection": shifted[valid].clamp_max(1.0).mean(),
        "velocity": 30 * moved[both].clamp_max(0.2).mean(),
        "size": (size / true_size).log().abs()[rendered].clamp_max(0.5).mean(),
        "root": (outputs.root - true_root).abs()[valid].clamp_max(0.5).sum(-1).mean(),
        "visible": visible[rendered].mean(),
        "error": likelihood[rendered].mean(),
    }


def _size(lengths: Tensor) -> Tensor:
    """Return the sizes of bodies, the trunk and a thigh, from the lengths of bones (..., 20): (...)."""
    size: Tensor = lengths[..., TRUNK] + (lengths[..., THIGHS[0]] + lengths[..., THIGHS[1]]) / 2
    return size.clamp_min(0.2)


def _log_ratio(lengths: Tensor, true: Tensor) -> Tensor:
    ratio: Tensor = (lengths.clamp_min(0.01) / true.clamp_min(0.01)).log().abs().clamp_max(1.0)
    return ratio


def _kept(outputs: LifterOutputs) -> Tensor:
    """Return how far bones are from the length that they should have, as a share of the trunk: (B, T, 20)."""
    lengths = (torch.from_numpy(BONES_OF) @ outputs.view_joints).norm(dim=-1)
    expected = outputs.bone_m.detach()
    share: Tensor = (lengths - expected).abs() / expected[..., TRUNK : TRUNK + 1]
    return share


def _seen(joints_m: Tensor, root: Tensor) -> Tensor:
    """Return where joints about the root are in the person's own view, at one metre: (..., 25, 2)."""
    distance = root[..., 2].exp()[..., None]
    place = torch.cat((root[..., :2] * distance, distance), dim=-1)[..., None, :] + joints_m
    return place[..., :2] / place[..., 2:].clamp_min(0.2)


@torch.inference_mode()
def _measured(network: LifterNetwork, sequences: Sequence[LifterSequence]) -> tuple[Tensor, Tensor]:
    """Return the features of sequences, (N, FEATURES), and the true lengths of bones, (N, 20)."""
    features = torch.cat([network.features(one.inputs)[0] for one in sequences])
    bones = torch.from_numpy(BONES_OF) @ torch.cat([one.joints_m for one in sequences])
    return features, bones.norm(dim=-1)
