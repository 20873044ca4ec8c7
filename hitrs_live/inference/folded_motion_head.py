"""The motion head as a stream runs it: what is linear in it folded, so that a prediction takes half of the calls.

From the frames seen to the tokens, and from the tokens to the bones ahead, everything is linear: each is one product
over time and one over places, made of the head's weights when the piece is. Folded in double precision, the answers
are the head's but for rounding. Places are bones from the start: a joint relative to the one that it hangs from, and
the root's slot as it is, so that the frames seen are taken apart, not the many more told.
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
        """Fold a head's weights as they are now."""
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
        told = self.in_time @ F.linear(x, self.correct) + self.offset + read[:, -horizon:]
        doubt = F.softplus(F.linear(x.mean(1), self.doubt, self.doubt_bias)).reshape(-1, 3, _JOINTS)
        return self._keep_bones(told, bones[:, -1:]), self.growth @ doubt + LEAST_SCALE

    def _keep_bones(self, told: Tensor, last: Tensor) -> Tensor:
        """Put bones of their last length together. told: (M, F, J * 3); last: (M, 1, J * 3) -> (M, F, J, 3)."""
        told, last = (bones.reshape(*bones.shape[:2], _JOINTS, 3) for bones in (told, last))
        lengths, far = (torch.linalg.vector_norm(bones, dim=-1, keepdim=True) for bones in (last, told))
        kept = told * (lengths / far.clamp_min(SHORTEST_BONE))
        joints = F.linear(kept.flatten(2), self.to_joints).reshape(*told.shape[:2], _JOINTS - 1, 3)
        return torch.cat((told[:, :, :1], joints), dim=2)


class _Mix(nn.Module):
    """A mixer without a turn of its tokens."""

    over_tokens: Tensor
    over_tokens_bias: Tensor
    over_features: Tensor
    over_features_bias: Tensor

    def __init__(self, mixer: nn.Module) -> None:
        super().__init__()
        assert isinstance(mixer, Mixer)
        # No parameters: torch lays a product with what might learn out in another, slower way.
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
    """Multiply a head's linear maps out. head: in double precision."""
    ancestors = head.ancestors.clone()
    ancestors[NTU25.root, NTU25.root] = 1.0
    to_joints = torch.kron(ancestors, torch.eye(3).to(ancestors))
    to_bones = torch.linalg.inv(to_joints)
    norm, context = head.context[0], head.context[-1]
    assert isinstance(norm, nn.LayerNorm)
    assert isinstance(context, nn.Linear)
    correct = to_bones @ head.correct.weight
    shift = head.in_time.bias.unsqueeze(1) * correct.sum(1) + to_bones @ head.correct.bias
    # Doubts come by joint, then by curve; the other way round they need not be turned.
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
    """Find what the head reads of each frame seen: (2 * (1 + K + F), S), of joints other than the root, then of it."""
    frames = head.dct.shape[1]
    impulses = torch.eye(frames).to(head.dct)[:, :, None, None].expand(-1, -1, _JOINTS, 3)
    read = torch.cat(head.read(impulses), dim=1)
    other = next(joint for joint in range(_JOINTS) if joint != NTU25.root)
    return torch.cat((read[:, :, other, 0].T, read[:, :, NTU25.root, 0].T))
