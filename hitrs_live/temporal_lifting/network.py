"""The network that corrects the lifted joints of a person, frame by frame, and says how far off each may be.

All geometry is in the person's own view: the axes of messages.py turned by the smallest turn that takes the sight line
of the root to the z axis, with lengths in sizes of the body. There a person at the picture's edge looks like one in its
middle, and a wrong lens changes nothing but the place.
"""

from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.skeleton import NTU25
from hitrs_live.temporal_lifting.bones import AXIAL, BONES, BONES_OF, JOINTS_OF, TRUNK

JOINTS: Final = len(NTU25)
_THIGHS: Final = (AXIAL + 10, AXIAL + 11)
FEATURES: Final = 3 * JOINTS + 3 * BONES + 3 * JOINTS + 4 * BONES + 5
WIDTH: Final = 112
LENGTHS: Final = AXIAL + (BONES - AXIAL) // 2
"""Bone lengths: left and right of a pair have one."""
_OUTPUTS: Final = 3 * BONES + 2 * LENGTHS + 4 * JOINTS
_SIZE_MEMORY_S: Final = 3.0
_DISTANCE_MEMORY_S: Final = 0.4
_LENGTH_MEMORY_S: Final = 20.0
_FARTHEST: Final = 4.0
"""In body sizes: beyond it, features are clipped."""
_LONGEST_STEP_S: Final = 1.0
_SIGHT_SHARE, _CERTAIN, _DOUBTFUL = 0.9, 0.9, 0.6
_LEAST_SIZE_M, _MOST_SIZE_M = 0.2, 3.0
_LEAST_DISTANCE_M, _MOST_DISTANCE_M = 0.3, 15.0
LEAST_ERROR_M: Final = 0.005


class LifterInputs(NamedTuple):
    """What is known of B people in T frames each. Axes of messages.py."""

    joints_m: Tensor
    """(B, T, 25, 3), as lifted from one picture and tracked."""
    rays: Tensor
    """(B, T, 25, 2): where the sight lines of the joints, by the keypoints, meet the plane z = 1."""
    certainty: Tensor
    """(B, T, 25), the visibility times presence of the keypoints."""
    step_s: Tensor
    """(B, T), seconds since the person's frame before; 0 in their first."""


class LifterState(NamedTuple):
    """What is remembered of B people."""

    hidden: Tensor
    """(B, WIDTH), of the recurrent network."""
    frames: Tensor
    """(B,), frames seen."""
    log_size: Tensor
    """(B,), the logarithm of the body's size, metres, averaged over seconds."""
    log_distance: Tensor
    """(B,), the logarithm of the root's distance, metres, averaged over half a second or so."""
    lifted_lengths: Tensor
    """(B, 20), the lengths of lifted bones in body sizes, averaged over seconds."""
    length_sum: Tensor
    """(B, LENGTHS), weighted sum of logarithms of the bones' lengths, of the last half minute or so."""
    length_weight: Tensor
    """(B, LENGTHS)."""


class LifterOutputs(NamedTuple):
    """Corrected joints of B people in T frames each. Axes of messages.py."""

    joints_m: Tensor
    """(B, T, 25, 3), metres."""
    error_m: Tensor
    """(B, T, 25), metres: how far each joint is expected to be from where it truly is about the root."""
    visible: Tensor
    """(B, T, 25), logits: whether the camera sees the joint."""
    view_joints: Tensor
    """(B, T, 25, 3), about the root in the person's own view, metres; for training."""
    view_bones: Tensor
    """(B, T, 20, 3), the directions of bones before joints are moved to their sight lines, of unit length."""
    bone_m: Tensor
    """(B, T, 20), the lengths that bones have, metres."""
    root: Tensor
    """(B, T, 3): the root's sight line in the person's own view, x and y, and the logarithm of its corrected distance,
    metres."""


def view_turns(root_m: Tensor) -> Tensor:
    """Return the smallest turns that take directions (..., 3) to the z axis: (..., 3, 3)."""
    x, y, z = F.normalize(root_m, dim=-1).unbind(-1)
    share = 1 / (1 + z.clamp_min(-0.5))
    rows = ((1 - x * x * share, -x * y * share, -x), (-x * y * share, 1 - y * y * share, -y), (x, y, z))
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


def _kept_share(certainty: Tensor, gate: Tensor) -> Tensor:
    """Return how far joints are moved to their sight lines, 0 to 1: nearly all the way where these are certain, else as
    the network says. All (B, T, 25)."""
    least = _SIGHT_SHARE * ((certainty - _DOUBTFUL) / (_CERTAIN - _DOUBTFUL)).clamp(0, 1)
    return least + (1 - least) * torch.sigmoid(gate + 2)


def _along_sight(body: Tensor, sight: Tensor, place: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Move joints (B, T, 25, 3) about the root at `place` (B, T, 3) towards their sight lines, at their own depth, by a
    share (B, T, 25). Returns joints about the root, and its place."""
    depth = place[..., 2:] + body[..., 2]
    seen = sight * depth[..., None] - place[..., None, :2]
    moved = body[..., :2] + share[..., None] * (seen - body[..., :2])
    joints = torch.cat((moved, body[..., 2:]), dim=-1)
    root = joints[..., NTU25.root, :]
    return joints - root[..., None, :], place + root


class LifterNetwork(nn.Module):
    """Correct lifted joints. Causal, rows are independent; `forward` of T frames equals T calls of one frame."""

    bones_of: Tensor
    joints_of: Tensor
    mean: Tensor
    scale: Tensor

    def __init__(self, dropout: float = 0.0) -> None:
        """Make the network; before training it changes little."""
        super().__init__()
        for name, table in (("bones_of", BONES_OF), ("joints_of", JOINTS_OF)):
            self.register_buffer(name, torch.from_numpy(table), persistent=False)
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("scale", torch.ones(FEATURES))
        self.enter = nn.Linear(FEATURES, WIDTH)
        self.recur = nn.GRU(WIDTH, WIDTH, batch_first=True)
        self.between = nn.Linear(2 * WIDTH, WIDTH)
        self.leave = nn.Linear(WIDTH, _OUTPUTS)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.leave.weight, std=0.01)
        nn.init.zeros_(self.leave.bias)
        # A usual body in its own sizes; the trunk and a thigh make one.
        self.length_bias = nn.Parameter(torch.full((LENGTHS,), -1.5))

    def initial_state(self, people: int) -> LifterState:
        """Return the state of people of whom nothing was seen."""
        zeros = torch.zeros(people)
        return LifterState(
            hidden=torch.zeros(people, WIDTH), frames=zeros, log_size=zeros.clone(),
            log_distance=zeros.clone(),            lifted_lengths=torch.zeros(people, BONES),
            length_sum=torch.zeros(people, LENGTHS), length_weight=torch.zeros(people, LENGTHS),
        )  # fmt: skip

    def features(
        self, inputs: LifterInputs, turn: Tensor, state: LifterState
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, LifterState]:
        """Describe frames. Returns features (B, T, FEATURES), directions of bones (B, T, 20, 3), sight lines of joints
        (B, T, 25, 2) in the person's own view, log sizes (B, T), and the state with frames and size advanced."""
        root = inputs.joints_m[..., NTU25.root, :]
        body = (inputs.joints_m - root[..., None, :]) @ turn.mT
        bones = self.bones_of @ body
        log_size, usual, state = self._follow_size(bones.norm(dim=-1), inputs.step_s, state)
        size = log_size.exp()
        ahead = torch.cat((inputs.rays, torch.ones_like(inputs.rays[..., :1])), dim=-1) @ turn.mT
        sight = ahead[..., :2] / ahead[..., 2:].clamp_min(0.2)
        distance = root.norm(dim=-1)
        seen = sight * (distance / size)[..., None, None]
        directions = F.normalize(bones, dim=-1, eps=1e-3)
        place = torch.stack(
            (
                root[..., 0] / distance, root[..., 1] / distance, (size / distance).log(),
                (inputs.step_s.clamp(0.005, _LONGEST_STEP_S) * 30).log(), (inputs.step_s <= 0).float(),
            ),
            dim=-1,
        )  # fmt: skip
        flat = [
            part.clamp(-_FARTHEST, _FARTHEST).flatten(-2) for part in (body / size[..., None, None], directions, seen)
        ]
        seen_bones = (self.bones_of @ seen).clamp(-_FARTHEST, _FARTHEST)
        # How far a bone of its usual length goes in depth, by how short it looks.
        depth = (usual.square() - seen_bones.square().sum(-1)).clamp_min(0).sqrt()
        shortened = (seen_bones.flatten(-2), depth, usual)
        return torch.cat((*flat, *shortened, inputs.certainty, place), dim=-1), directions, sight, log_size, state

    def forward(self, inputs: LifterInputs, state: LifterState) -> tuple[LifterOutputs, LifterState]:
        """Advance B people by T frames each."""
        turn = view_turns(inputs.joints_m[..., NTU25.root, :])
        features, directions, sight, log_size, state = self.features(inputs, turn, state)
        entered = F.gelu(self.enter(((features - self.mean) / self.scale).clamp(-6, 6)))
        remembered, hidden = self.recur(entered, state.hidden[None])
        both = torch.cat((entered, remembered), dim=-1)
        out = self.leave(self.dropout(F.gelu(self.between(both))))
        turned, length, weight, error, visible, gate, trust = out.split(
            (3 * BONES, LENGTHS, LENGTHS, JOINTS, JOINTS, JOINTS, JOINTS), dim=-1
        )
        state = state._replace(hidden=hidden[0])
        lengths, state = self._follow_lengths(length, weight, inputs.step_s, state)
        new_directions = F.normalize(directions + turned.unflatten(-1, (BONES, 3)), dim=-1, eps=1e-3)
        size = log_size.exp()[..., None]
        bone_m = lengths.exp() * size
        # Lengths are learnt from true lengths alone: where a direction is uncertain, a short bone has a small error.
        body = self.joints_of @ (new_directions * bone_m.detach()[..., None])
        place, state = self._locate(
            body, sight, (inputs.certainty + 0.02) * torch.sigmoid(trust + 2), inputs.step_s, state
        )
        body, place = _along_sight(body, sight, place, _kept_share(inputs.certainty, gate))
        joints_m = (body + place[..., None, :]) @ turn
        expected = (F.softplus(error) * 0.15 + LEAST_ERROR_M) * size
        outputs = LifterOutputs(
            joints_m=joints_m, error_m=expected, visible=visible, view_joints=body, view_bones=new_directions,
            bone_m=bone_m, root=torch.cat((place[..., :2] / place[..., 2:], place[..., 2:].log()), dim=-1),
        )  # fmt: skip
        return outputs, state

    def _locate(
        self, body: Tensor, sight: Tensor, weight: Tensor, step_s: Tensor, state: LifterState
    ) -> tuple[Tensor, LifterState]:
        """Find where roots are: the shifts (B, T, 3) that bring joints about the root (B, T, 25, 3) onto their sight
        lines, as `pose.lifting.locate` does. The distance is averaged over a short time."""
        share = (weight / weight.sum(dim=-1, keepdim=True))[..., None]
        target = sight * body[..., 2:] - body[..., :2]
        mean_sight, mean_target = (share * sight).sum(-2), (share * target).sum(-2)
        spread = sight - mean_sight[..., None, :]
        above = -(share * spread * (target - mean_target[..., None, :])).sum((-2, -1))
        below = (share * spread.square()).sum((-2, -1)).clamp_min(1e-6)
        measured = (above / below).clamp(_LEAST_DISTANCE_M, _MOST_DISTANCE_M).log()
        frames = state.frames[:, None] - torch.arange(step_s.shape[1] - 1, -1, -1)
        gain = torch.maximum(1 - torch.exp(-step_s / _DISTANCE_MEMORY_S), 1 / frames)
        smooth, log_distance = [], state.log_distance
        for t in range(step_s.shape[1]):
            log_distance = log_distance + gain[:, t] * (measured[:, t] - log_distance)
            smooth.append(log_distance)
        distance = torch.stack(smooth, dim=1).exp()[..., None]
        return torch.cat((mean_target + mean_sight * distance, distance), dim=-1), state._replace(
            log_distance=log_distance
        )

    def _follow_size(self, bones: Tensor, step_s: Tensor, state: LifterState) -> tuple[Tensor, Tensor, LifterState]:
        """Average the body's size and the lengths of lifted bones over seconds; at first over all frames.

        bones: (B, T, 20), metres. Returns log sizes (B, T), and lengths in body sizes (B, T, 20).
        """
        measured = bones[..., TRUNK] + (bones[..., _THIGHS[0]] + bones[..., _THIGHS[1]]) / 2
        measured = measured.clamp(_LEAST_SIZE_M, _MOST_SIZE_M).log()
        gain = 1 - torch.exp(-step_s / _SIZE_MEMORY_S)
        sizes, log_size, frames = [], state.log_size, state.frames
        usual, mean_lengths = [], state.lifted_lengths
        for t in range(measured.shape[1]):
            frames = frames + 1
            share = torch.maximum(gain[:, t], 1 / frames)
            log_size = log_size + share * (measured[:, t] - log_size)
            length = bones[:, t] / log_size.exp()[:, None]
            mean_lengths = mean_lengths + share[:, None] * (length - mean_lengths)
            sizes.append(log_size)
            usual.append(mean_lengths)
        state = state._replace(frames=frames, log_size=log_size, lifted_lengths=mean_lengths)
        return torch.stack(sizes, dim=1), torch.stack(usual, dim=1), state

    def _follow_lengths(
        self, length: Tensor, weight: Tensor, step_s: Tensor, state: LifterState
    ) -> tuple[Tensor, LifterState]:
        """Average the logarithms of bone lengths over a long time, by weights. Returns (B, T, 20)."""
        length = self.length_bias + length.clamp(-1.5, 1.5)
        weight = torch.exp(weight.clamp(-4, 4))
        keep = torch.exp(-step_s / _LENGTH_MEMORY_S)
        total, weights, means = state.length_sum, state.length_weight, []
        for t in range(length.shape[1]):
            total = total * keep[:, t, None] + weight[:, t] * length[:, t]
            weights = weights * keep[:, t, None] + weight[:, t]
            means.append(total / weights)
        mean = torch.stack(means, dim=1)
        paired = mean[..., AXIAL:].repeat_interleave(2, dim=-1)
        return torch.cat((mean[..., :AXIAL], paired), dim=-1), state._replace(length_sum=total, length_weight=weights)
