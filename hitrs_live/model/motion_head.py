"""The motion head: every joint over the next second, and the scale of each prediction's error.

A person's recent motion is extrapolated with damping, which alone is hard to beat over a fifth of a second. The clips'
information on the action corrects it, joint by joint, in a smooth basis whose every function is zero at the last frame,
so that a prediction starts where the person is, with any weights. Bones keep their last length.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.model.blocks import Dropout
from hitrs_live.skeleton import NTU25

_JOINTS = len(NTU25)
_LAGS = (1, 2, 4, 8)
"""Frames over which mean velocities are taken, each extrapolated with its own damping."""
_DAMPING = 0.85
"""Initial damping: the share of the velocity that remains per frame."""
_FREQUENCIES = 8
"""Lowest frequencies of the recent frames' cosine transform; higher ones are mostly sensor noise."""
_TYPICAL_MOTION = 0.2
"""Body sizes; scales motion to about the magnitude of positions at the input."""
_ROOT_DRIFT = math.exp(1 / 15) - 1
"""Initial share of the root's slot by which its slow average moves per frame: half a second at 30 Hz."""
_DROPOUT = 0.1
_CONTEXT_DROPOUT = 0.3
"""High, because the clips' information is more certain on people of the training set than on others."""
LEAST_SCALE = 1e-3
"""Body sizes."""
SHORTEST_BONE = 1e-6
"""Body sizes; shorter bones have no direction."""
RANGES = {50: 2.674, 90: 5.322}
"""Largest error, in scales, in so many per cent of cases, if the likelihood is right.

Quantiles of the gamma distribution of shape 3: of the length of a vector whose density falls exponentially with it.
"""


class MotionHead(nn.Module):
    """Predict the frames after a clip from the clip's output and its frames."""

    ancestors: Tensor
    dct: Tensor
    basis: Tensor
    growth: Tensor

    def __init__(
        self,
        *,
        context_width: int,
        history: int,
        horizon: int,
        functions: int,
        hidden: int,
        blocks: int,
    ) -> None:
        """Make a head that at first only extrapolates recent motion.

        context_width: of a clip's output; history: frames observed, horizon: frames predicted; functions: of the basis;
        hidden: width of a token; there are one for the pose, one per frequency and one for the context.
        """
        super().__init__()
        places = _JOINTS * 3
        self.root_drift = nn.Parameter(torch.tensor(_ROOT_DRIFT))
        self.lags = tuple(lag for lag in _LAGS if lag < history)
        damped = _DAMPING ** torch.arange(horizon) / len(self.lags)
        self.damping = nn.Parameter(damped.expand(2, len(self.lags), horizon).clone())
        """(2, L, F), of the root and of all other joints: the share of each velocity that remains at each frame."""
        frequencies = min(_FREQUENCIES, history)
        tokens = frequencies + 2
        self.context = nn.Sequential(
            nn.LayerNorm(context_width), Dropout(_CONTEXT_DROPOUT), nn.Linear(context_width, hidden)
        )
        self.seen = nn.Linear(places, hidden)
        self.blocks = nn.Sequential(*(Mixer(tokens, hidden, _DROPOUT) for _ in range(blocks)), nn.LayerNorm(hidden))
        self.in_time = nn.Linear(tokens, functions)
        self.correct = nn.Linear(hidden, places)
        self.doubt = nn.Linear(hidden, _JOINTS * 3)
        # Initially nothing is corrected, and all scales are about equal.
        for parameter in (self.correct.weight, self.correct.bias, self.doubt.weight):
            nn.init.zeros_(parameter)
        nn.init.constant_(self.doubt.bias, -4.0)
        self.register_buffer("ancestors", _ancestors(), persistent=False)
        self.register_buffer("dct", cosine_transform(history, frequencies), persistent=False)
        self.register_buffer("basis", smooth_basis(horizon, functions), persistent=False)
        self.register_buffer("growth", _growth(horizon), persistent=False)

    def forward(self, clip_output: Tensor, recent: Tensor) -> Tensor:
        """Predict the frames after a clip.

        clip_output: (B, C_video), the clip's row of the video level; recent: (B, S, J, 3), the normalised
        frames of the clip's span, oldest first. Returns (B, F, J, 3) in the body frame of the last frame:
        joints relative to their own root, and in the root's slot the root relative to its slow average now.
        """
        return self.forecast(clip_output, recent)[0]

    def forecast(self, clip_output: Tensor, recent: Tensor) -> tuple[Tensor, Tensor]:
        """Predict as `forward` does, with the scale of each joint's error: (B, F, J, 3) and (B, F, J).

        A scale is in body sizes, for the joint's position in the room (root and pose together), and grows with time.
        RANGES gives how many scales cover how many per cent of cases.
        """
        looked, carried = self.read(recent)
        tokens = self.blocks(torch.cat((self.seen(looked.flatten(2)), self.context(clip_output).unsqueeze(1)), dim=1))
        weights = self.correct(self.in_time(tokens.transpose(1, 2)).transpose(1, 2))
        weights = weights.reshape(-1, self.basis.shape[1], _JOINTS, 3)
        correction = torch.einsum("bmjc,fm->bfjc", weights, self.basis)
        future = keep_bones(carried + correction, recent[:, -1], self.ancestors)
        doubt = F.softplus(self.doubt(tokens.mean(1))).reshape(-1, _JOINTS, 3)
        return future, torch.einsum("bjm,fm->bfj", doubt, self.growth) + LEAST_SCALE

    def read(self, recent: Tensor) -> tuple[Tensor, Tensor]:
        """Compute features of the observed frames; both results are linear in them.

        recent: (B, S, J, 3). Returns the last pose and the K lowest frequencies of the motion up to it,
        (B, 1 + K, J, 3), and the extrapolated motion, (B, F, J, 3).
        """
        last = recent[:, -1:]
        path = self._path(recent)
        moved = path - path[:, -1:]
        motion = torch.einsum("ks,bsjc->bkjc", self.dct, moved) / _TYPICAL_MOTION
        return torch.cat((last, motion), dim=1), last + self._carry_on(moved)

    def _path(self, recent: Tensor) -> Tensor:
        """Replace the root's slot by the root's own path, relative to its last position.

        The slot has the root relative to a slow average, which itself moves by a share of it per frame: for a person
        who walks steadily the slot is constant.
        """
        slot = recent[:, :, NTU25.root]
        steps = slot[:, 1:] - slot[:, :-1] + self.root_drift * slot[:, 1:]
        root = F.pad(-steps.flip(1).cumsum(1).flip(1), (0, 0, 0, 1))
        return torch.cat((root.unsqueeze(2), recent[:, :, 1:]), dim=2)

    def _carry_on(self, moved: Tensor) -> Tensor:
        """Extrapolate recent motion, damped. moved: (B, S, J, 3), relative to now -> (B, F, J, 3)."""
        velocities = torch.stack([-moved[:, -1 - lag] / lag for lag in self.lags], dim=1)
        reached = self.damping.cumsum(-1)
        root = torch.einsum("lf,bljc->bfjc", reached[0], velocities[:, :, :1])
        others = torch.einsum("lf,bljc->bfjc", reached[1], velocities[:, :, 1:])
        return torch.cat((root, others), dim=2)


class Mixer(nn.Module):
    """Mix the tokens of each feature, then the features of each token (as siMLPe does, arXiv 2207.01567)."""

    def __init__(self, tokens: int, width: int, dropout: float) -> None:
        super().__init__()
        self.token_norm, self.feature_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.over_tokens, self.over_features = nn.Linear(tokens, tokens), nn.Linear(width, width)
        self.dropout = Dropout(dropout)
        for layer in (self.over_tokens, self.over_features):
            nn.init.xavier_uniform_(layer.weight, gain=0.3)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Mix. x: (B, T, C)."""
        mixed = self.over_tokens(self.token_norm(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.dropout(F.gelu(mixed))
        updated: Tensor = x + self.dropout(F.gelu(self.over_features(self.feature_norm(x))))
        return updated


def keep_bones(poses: Tensor, last: Tensor, ancestors: Tensor) -> Tensor:
    """Set every bone of some poses to its last length, keeping its direction.

    poses: (B, F, J, 3) and last: (B, J, 3), normalised; ancestors: (J, J), as `_ancestors` returns it. Children of
    the root are relative to zero, and the root's own slot, which is a displacement, is unchanged. Bones of zero length,
    of joints that were not seen, keep it.
    """
    lengths = _bones(last).norm(dim=-1, keepdim=True).unsqueeze(1)
    bones = _bones(poses)
    kept = bones * (lengths / bones.norm(dim=-1, keepdim=True).clamp_min(SHORTEST_BONE))
    joints = torch.einsum("jk,bfkc->bfjc", ancestors, kept)
    return torch.cat((poses[:, :, :1], joints[:, :, 1:]), dim=2)


_PARENTS = list(NTU25.parents)
_HANGS_FROM_ROOT = [parent == NTU25.root for parent in _PARENTS]


def _bones(joints: Tensor) -> Tensor:
    """Return each joint relative to its parent. joints: (..., J, 3) -> the same."""
    from_root = torch.tensor(_HANGS_FROM_ROOT, device=joints.device).unsqueeze(-1)
    return joints - joints[..., _PARENTS, :].masked_fill(from_root, 0.0)


def _ancestors() -> Tensor:
    """Return which bones lead to each joint, (J, J) of 0 and 1; the root has none."""
    leads = torch.zeros(_JOINTS, _JOINTS)
    for joint in NTU25.outward:
        leads[joint] = leads[NTU25.parents[joint]]
        leads[joint, joint] = 1.0
    return leads


def cosine_transform(frames: int, frequencies: int) -> Tensor:
    """Return the lowest frequencies of the orthonormal cosine transform (DCT-II), (K, S)."""
    time = (torch.arange(frames) + 0.5) / frames
    rows = torch.cos(torch.pi * torch.arange(frequencies).unsqueeze(1) * time) * math.sqrt(2 / frames)
    rows[0] /= math.sqrt(2)
    return rows


def smooth_basis(horizon: int, functions: int) -> Tensor:
    """Return a ramp and cosines, each zero at the last observed frame, (F, M), frames 1 ... F."""
    time = torch.arange(1, horizon + 1, dtype=torch.float32).unsqueeze(1) / horizon
    order = torch.arange(1, functions, dtype=torch.float32)
    return torch.cat((time, torch.cos(torch.pi * order * time) - 1.0), dim=1)


def _growth(horizon: int) -> Tensor:
    """Return curves along which scales grow with time: at once, over half of it, evenly. (F, 3)."""
    time = torch.arange(1, horizon + 1).unsqueeze(1) / horizon
    return torch.cat((1 - torch.exp(-8 * time), 1 - torch.exp(-2 * time), time), dim=1)
