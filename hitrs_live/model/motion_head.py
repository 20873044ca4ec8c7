"""Where every joint goes over the next second, and how far off that may be.

A person's recent motion is carried on, ever more slowly: that alone is hard to beat over a fifth of a second. What the
clips tell of the action corrects it, joint by joint, in a smooth basis whose every function is zero at the last
frame, so that a prediction starts where the person is, whatever the weights. Bones keep their last length.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.model.blocks import Dropout
from hitrs_live.skeleton import NTU25

_JOINTS = len(NTU25)
_LAGS = (1, 2, 4, 8)
"""Recent motion is the mean velocity over so many frames, each with a damping of its own."""
_DAMPING = 0.85
"""A frame, to begin with: what the velocity keeps."""
_FREQUENCIES = 8
"""Of the recent frames' cosine transform; what is faster is mostly the sensor's trembling."""
_TYPICAL_MOTION = 0.2
"""Body sizes, so that motion and place weigh about as much at the input."""
_ROOT_DRIFT = math.exp(1 / 15) - 1
"""Share of the root's slot by which its slow average moves a frame, to begin with: that of half a second at 30 Hz."""
_DROPOUT = 0.1
_CONTEXT_DROPOUT = 0.3
"""What the clips tell of people who were trained on is surer than what they tell of others."""
LEAST_SCALE = 1e-3
"""Body sizes."""
SHORTEST_BONE = 1e-6
"""Body sizes; what is shorter has no direction to keep."""
RANGES = {50: 2.674, 90: 5.322}
"""How many of its scales off a joint is at most in so many per cent of cases, if the likelihood is right.

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
        """Make a head that carries recent motion on.

        context_width: of a clip's output; history: frames seen, horizon: frames predicted; functions: of the basis;
        hidden: width of a token, of which there are one for the pose, one a frequency and one for the context.
        """
        super().__init__()
        places = _JOINTS * 3
        self.root_drift = nn.Parameter(torch.tensor(_ROOT_DRIFT))
        self.lags = tuple(lag for lag in _LAGS if lag < history)
        damped = _DAMPING ** torch.arange(horizon) / len(self.lags)
        self.damping = nn.Parameter(damped.expand(2, len(self.lags), horizon).clone())
        """(2, L, F): of the root, and of all other joints: the share of each velocity that is left at each step."""
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
        # To begin with nothing is corrected, and everything is about equally doubtful.
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
        """Predict as `forward` does, and say how far off each joint may be: (B, F, J, 3) and scales (B, F, J).

        A scale is in body sizes, of the joint's place in the room (root and pose together), and grows with time;
        RANGES says how many of them hold how many cases.
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
        """Read the frames, in which both results are linear, the root's place apart from all others.

        recent: (B, S, J, 3). Returns the last pose and the K lowest frequencies of how it came there, (B, 1 + K, J, 3),
        and recent motion carried on, (B, F, J, 3).
        """
        last = recent[:, -1:]
        path = self._path(recent)
        moved = path - path[:, -1:]
        motion = torch.einsum("ks,bsjc->bkjc", self.dct, moved) / _TYPICAL_MOTION
        return torch.cat((last, motion), dim=1), last + self._carry_on(moved)

    def _path(self, recent: Tensor) -> Tensor:
        """Put the root's own path into its slot, relative to where it is now.

        The slot has it relative to a slow average, which itself moves by a share of it a frame: a person who walks
        steadily stands still there.
        """
        slot = recent[:, :, NTU25.root]
        steps = slot[:, 1:] - slot[:, :-1] + self.root_drift * slot[:, 1:]
        root = F.pad(-steps.flip(1).cumsum(1).flip(1), (0, 0, 0, 1))
        return torch.cat((root.unsqueeze(2), recent[:, :, 1:]), dim=2)

    def _carry_on(self, moved: Tensor) -> Tensor:
        """Carry recent motion on, damped. moved: (B, S, J, 3), relative to now -> (B, F, J, 3)."""
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
    """Bring every bone of some poses to the length that it had last, its direction kept.

    poses: (B, F, J, 3) and last: (B, J, 3), normalised; ancestors: (J, J), as `_ancestors` makes it. Joints that
    hang from the root hang from zero, and the root's own slot, which holds a displacement, stays as it is. Bones
    without a length, of joints that were not seen, stay so.
    """
    lengths = _bones(last).norm(dim=-1, keepdim=True).unsqueeze(1)
    bones = _bones(poses)
    kept = bones * (lengths / bones.norm(dim=-1, keepdim=True).clamp_min(SHORTEST_BONE))
    joints = torch.einsum("jk,bfkc->bfjc", ancestors, kept)
    return torch.cat((poses[:, :, :1], joints[:, :, 1:]), dim=2)


_PARENTS = list(NTU25.parents)
_HANGS_FROM_ROOT = [parent == NTU25.root for parent in _PARENTS]


def _bones(joints: Tensor) -> Tensor:
    """Take each joint relative to what it hangs from. joints: (..., J, 3) -> the same."""
    from_root = torch.tensor(_HANGS_FROM_ROOT, device=joints.device).unsqueeze(-1)
    return joints - joints[..., _PARENTS, :].masked_fill(from_root, 0.0)


def _ancestors() -> Tensor:
    """Say which bones lead to a joint. Returns (J, J) of 0 and 1; the root has none."""
    leads = torch.zeros(_JOINTS, _JOINTS)
    for joint in NTU25.outward:
        leads[joint] = leads[NTU25.parents[joint]]
        leads[joint, joint] = 1.0
    return leads


def cosine_transform(frames: int, frequencies: int) -> Tensor:
    """Make the orthonormal cosine transform's lowest frequencies. Returns (K, S)."""
    time = (torch.arange(frames) + 0.5) / frames
    rows = torch.cos(torch.pi * torch.arange(frequencies).unsqueeze(1) * time) * math.sqrt(2 / frames)
    rows[0] /= math.sqrt(2)
    return rows


def smooth_basis(horizon: int, functions: int) -> Tensor:
    """Make a ramp and cosines, each zero at the last observed frame. Returns (F, M), frames 1 ... F."""
    time = torch.arange(1, horizon + 1, dtype=torch.float32).unsqueeze(1) / horizon
    order = torch.arange(1, functions, dtype=torch.float32)
    return torch.cat((time, torch.cos(torch.pi * order * time) - 1.0), dim=1)


def _growth(horizon: int) -> Tensor:
    """Make curves along which doubt grows: at once, over half of the time, evenly. Returns (F, 3)."""
    time = torch.arange(1, horizon + 1).unsqueeze(1) / horizon
    return torch.cat((1 - torch.exp(-8 * time), 1 - torch.exp(-2 * time), time), dim=1)
