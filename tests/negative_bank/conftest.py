"""Fixtures of a small detector, shared with other folders."""

from small_detector import cache as cache
from small_detector import checkpoint as checkpoint
from small_detector import secret_of_its_own as secret_of_its_own
