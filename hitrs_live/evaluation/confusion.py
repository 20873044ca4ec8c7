"""Which class was taken for which."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def confusion(truth: NDArray[np.int64], said: NDArray[np.int64], labels: tuple[str, ...]) -> dict[str, Any]:
    """Count frames by what they are, a row each, and by what was said of them, a column each, ready for JSON.

    truth, said: (T,), numbers in `labels`. Only classes that occur, as either, have a row and a column.
    """
    present = np.union1d(truth, said)
    counts = np.zeros((len(present), len(present)), np.int64)
    np.add.at(counts, (np.searchsorted(present, truth), np.searchsorted(present, said)), 1)
    return {"labels": [labels[k] for k in present.tolist()], "counts": counts.tolist()}
