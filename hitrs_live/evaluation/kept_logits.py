"""Keep the logits of a set of streams in a file: a second run of the reality benchmark need not encode them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from hitrs_live.data.array_format import BROKEN, LabelledSequence
from hitrs_live.evaluation.kept_streams import KeptStream
from hitrs_live.files.atomic_write import whole_file


def logits_file(folder: Path, name: str, *, fingerprint: str, update: str, mirror: bool) -> Path:
    """Name the file of one set, one model and one way of predicting."""
    return folder / f"{name}-{fingerprint[:12]}-{update}{'' if mirror else '-one-side'}.npz"


def read_logits(file: Path, sequences: Sequence[LabelledSequence]) -> list[KeptStream] | None:
    """Read the logits of these sequences; None where the file is missing, damaged or of other joints."""
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as archive:
            digest, lengths = str(archive["joints"]), archive["lengths"]
            ends, logits = archive["ends"], archive["logits"]
    except (*BROKEN, KeyError):
        return None
    if digest != _digest(sequences) or len(lengths) != len(sequences) or lengths.sum() != len(logits):
        return None
    cuts = np.cumsum(lengths)[:-1]
    return [
        KeptStream(sequence=sequence, ends=own_ends, logits=own_logits)
        for sequence, own_ends, own_logits in zip(sequences, np.split(ends, cuts), np.split(logits, cuts), strict=True)
    ]


def write_logits(file: Path, streams: Sequence[KeptStream]) -> None:
    """Write the logits of streams, in their order."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(file) as unfinished, unfinished.open("wb") as opened:
        np.savez(
            opened,
            joints=_digest([stream.sequence for stream in streams]),
            lengths=np.array([len(stream.ends) for stream in streams]),
            ends=np.concatenate([stream.ends for stream in streams]),
            logits=np.concatenate([stream.logits for stream in streams]),
        )


def _digest(sequences: Sequence[LabelledSequence]) -> str:
    digest = hashlib.sha256()
    for sequence in sequences:
        digest.update(np.ascontiguousarray(sequence.joints_m).tobytes())
    return digest.hexdigest()
