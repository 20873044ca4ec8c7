"""The motion head for inference: its linear maps are folded, so that a prediction takes half of the operator calls.

From the observed frames to the tokens, and from the tokens to the future bones, everything is linear: each part is one
product over time and one over coordinates, computed from the head's weights at construction, in double precision, so
that the outputs are the head's except for rounding. Coordinates are those of bones throughout: a joint relative to its
parent, and the root's slot as it is. So the few observed frames are converted to bones, not the many future ones.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hitrs_live.model.motion_head import LEAST_SCALE, SHORTEST_BONE, Mixer, MotionHead
from hitrs_live.skeleton import NTU25

_JOINTS = len(NTU25)


class FoldedMotionHead(nn.Module):
    """Predict the frames after a clip, as `MotionHead.forecast` does in evaluation mode."""

    to_bones: Tensor
    over_time: Tensor
    seen: Tensor
    seen_bias: Tensor
    context: Tensor
    context_bias: Tensor
    correct: Tensor
    in_time: Tensor
    offset: Tensor
    to_joints: Tensor
    doubt: Tensor
    doubt_bias: Tensor
    growth: Tensor

    def __init__(self, head: MotionHead) -> None:
        """Fold a head's current weights."""
        super().__init__()
        head = copy.deepcopy(head).double().eval()
        *mixers, norm = head.blocks
        assert isinstance(norm, nn.LayerNorm)
        self.mixers, self.norm = nn.ModuleList(_Mix(mixer) for mixer in mixers), norm.float().requires_grad_(False)
        for name, value in _fold(head).items():
            self.register_buffer(name, value.float().contiguous(), persistent=False)

    def forward(self, clip_output: Tensor, recent: Tensor) -> tuple[Tensor, Tensor]:
        """Predict. clip_output: (M, C_video); recent: (M, S, J, 3) -> (M, F, J, 3) and scales (M, F, J)."""
        horizon = len(self.in_time)
        bones = F.linear(recent.flatten(2), self.to_bones)
        others, root = (self.over_time @ bones).chunk(2, dim=1)
        read = torch.cat((root[..., :3], others[..., 3:]), dim=2)
        seen = F.linear(read[:, :-horizon], self.seen, self.seen_bias)
        context = F.linear(F.layer_norm(clip_output, clip_output.shape[1:]), self.context, self.context_bias)
        x = torch.cat((seen, context.unsqueeze(1)), dim=1)
        for mix in self.mixers:
            x = mix(x)
        x = self.norm(x)
        bones_ahead = self.in_time @ F.linear(x, self.correct) + self.offset + read[:, -horizon:]
        doubt = F.softplus(F.linear(x.mean(1), self.doubt, self.doubt_bias)).reshape(-1, 3, _JOINTS)
        return self._keep_bones(bones_ahead, bones[:, -1:]), self.growth @ doubt + LEAST_SCALE

    def _keep_bones(self, ahead: Tensor, last: Tensor) -> Tensor:
        """Give bones their last length and join them. ahead: (M, F, J * 3); last: (M, 1, J * 3) -> (M, F, J, 3)."""
        ahead, last = (bones.reshape(*bones.shape[:2], _JOINTS, 3) for bones in (ahead, last))
        lengths, far = (torch.linalg.vector_norm(bones, dim=-1, keepdim=True) for bones in (last, ahead))
        kept = ahead * (lengths / far.clamp_min(SHORTEST_BONE))
        joints = F.linear(kept.flatten(2), self.to_joints).reshape(*ahead.shape[:2], _JOINTS - 1, 3)
        return torch.cat((ahead[:, :, :1], joints), dim=2)


class _Mix(nn.Module):
    """A `Mixer` without transposing its tokens."""

    over_tokens: Tensor
    over_tokens_bias: Tensor
    over_features: Tensor
    over_features_bias: Tensor

    def __init__(self, mixer: nn.Module) -> None:
        super().__init__()
        assert isinstance(mixer, Mixer)
        # Buffers, not parameters: torch multiplies operands that may require gradients in a slower way.
        over_tokens, over_features, norm = mixer.over_tokens, mixer.over_features, mixer.feature_norm
        folded = {
            "over_tokens": over_tokens.weight,
            "over_tokens_bias": over_tokens.bias.unsqueeze(1),
            "over_features": over_features.weight * norm.weight,
            "over_features_bias": over_features.bias + over_features.weight @ norm.bias,
        }
        for name, value in folded.items():
            self.register_buffer(name, value.detach().float().contiguous(), persistent=False)
        self.norm = mixer.token_norm.float().requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Mix. x: (M, T, C)."""
        x = x + F.gelu(self.over_tokens @ self.norm(x) + self.over_tokens_bias)
        normed = F.layer_norm(x, x.shape[2:])
        return x + F.gelu(F.linear(normed, self.over_features, self.over_features_bias))


@torch.no_grad()
def _fold(head: MotionHead) -> dict[str, Tensor]:
    """Multiply a head's linear maps. head: in double precision."""
    ancestors = head.ancestors.clone()
    ancestors[NTU25.root, NTU25.root] = 1.0
    to_joints = torch.kron(ancestors, torch.eye(3).to(ancestors))
    to_bones = torch.linalg.inv(to_joints)
    norm, context = head.context[0], head.context[-1]
    assert isinstance(norm, nn.LayerNorm)
    assert isinstance(context, nn.Linear)
    correct = to_bones @ head.correct.weight
    shift = head.in_time.bias.unsqueeze(1) * correct.sum(1) + to_bones @ head.correct.bias
    # The head's scales are ordered by joint, then by curve; the other order needs no transpose.
    by_curve = torch.arange(3 * _JOINTS).reshape(_JOINTS, 3).T.flatten()
    return {
        "to_bones": to_bones,
        "over_time": _over_time(head),
        "seen": head.seen.weight @ to_joints,
        "seen_bias": head.seen.bias,
        "context": context.weight * norm.weight,
        "context_bias": context.bias + context.weight @ norm.bias,
        "correct": correct,
        "in_time": head.basis @ head.in_time.weight,
        "offset": head.basis @ shift,
        "to_joints": to_joints[3:],
        "doubt": head.doubt.weight[by_curve],
        "doubt_bias": head.doubt.bias[by_curve],
        "growth": head.growth,
    }


def _over_time(head: MotionHead) -> Tensor:
    """Return what the head reads of each observed frame, (2 * (1 + K + F), S): of other joints, then of the root."""
    frames = head.dct.shape[1]
    impulses = torch.eye(frames).to(head.dct)[:, :, None, None].expand(-1, -1, _JOINTS, 3)
    read = torch.cat(head.read(impulses), dim=1)
    other = next(joint for joint in range(_JOINTS) if joint != NTU25.root)
    return torch.cat((read[:, :, other, 0].T, read[:, :, NTU25.root, 0].T))
