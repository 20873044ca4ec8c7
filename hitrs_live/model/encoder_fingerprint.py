"""Identify an encoder: two checkpoints whose clip embeddings are equal have one fingerprint."""

import hashlib

import msgspec

from hitrs_live.model.hitrs import HiTRS
from hitrs_live.transforms import NormaliserConfig


def encoder_fingerprint(encoder: HiTRS, normaliser: NormaliserConfig, modality: str = "joint") -> str:
    """Compute the SHA-256 of what a clip embedding depends on: the frame and clip levels, the grid, preprocessing.

    The video level and the heads are left out: what is made of embeddings stays valid while only those are trained.
    Weights count in half precision, in which checkpoints store them.
    """
    digest = hashlib.sha256()
    grid = encoder.config
    facts = (grid.joints, grid.channels, grid.clip_length, grid.frame_interval, grid.clip_stride, modality)
    digest.update(msgspec.json.encode((facts, normaliser)))
    for name, value in sorted(encoder.state_dict().items()):
        if name.startswith(("frame_encoder.", "clip_encoder.")):
            digest.update(f"{name} {tuple(value.shape)}\n".encode())
            digest.update(value.half().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
