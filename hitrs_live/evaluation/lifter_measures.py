"""Measure lifted joints of rendered views against the truth, before and after the temporal lifter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from hitrs_live.skeleton import NTU25
from hitrs_live.temporal_lifting.network import LifterNetwork
from hitrs_live.training.lifter_sequences import LifterSequence

Floats = NDArray[np.float32]
FAR_OFF_M: Final = 0.15
"""A joint whose place about the root is further off than this counts as wrong."""
_SPINE_SHOULDER = NTU25.index("spine_shoulder")
