"""A graph is stale when the code that it is traced from does something else, not when it reads differently."""

import pytest

from hitrs_live.checkpoint import Checkpoint
from hitrs_live.inference.graph_sources import code_sum, graph_sources

CODE = '''
"""A module."""
SCALE = 0.5

class Layer:
    """A layer."""
    width: int = 4
    """Of its rows."""

    def forward(self, x: int, scale: float = SCALE) -> int:
        """Run."""
        return x @ self.weight * scale  # as in the paper
'''


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""A module."""', '"""What a module is, in other words."""'),
        ('    """Of its rows."""\n', ""),
        ('        """Run."""\n', ""),
        ("  # as in the paper", ""),
        ("x: int, scale: float = SCALE) -> int:", "x, scale=SCALE):"),
        ("x: int, scale", "x: int,\n        scale"),
        ("0.5", "5e-1"),
    ],
)
def test_words_and_layout_are_no_change(before: str, after: str) -> None:
    assert before in CODE
    assert code_sum(CODE.replace(before, after)) == code_sum(CODE)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("0.5", "0.25"),
        ("width: int = 4", "width: int = 8"),
        ("x @ self.weight", "self.weight @ x"),
        ("* scale", "+ scale"),
        ("self.weight", "self.bias"),
        ("scale: float = SCALE", "scale: float = 1"),
        ("return", "x ="),
        ("class Layer:", "class Layer(Other):"),
        ("    def forward", "    @cached\n    def forward"),
    ],
)
def test_other_code_is_a_change(before: str, after: str) -> None:
    assert before in CODE
    assert code_sum(CODE.replace(before, after)) != code_sum(CODE)


def test_the_hash_is_the_same_in_every_version_of_python() -> None:
    # Computed with Python 3.11; what ships with the package is compared with it wherever it runs.
    assert code_sum(CODE) == "40c1c206c31225d55f88c94807632988de0fc363681bd940ae6d5c0308fd4d09"


def test_a_models_own_parts_count_and_int8_has_sources_of_its_own(checkpoint: Checkpoint) -> None:
    model = checkpoint.model
    assert graph_sources(model) == graph_sources(model)
    assert graph_sources(model) != graph_sources(model.encoder), "the heads' modules count too"
    assert graph_sources(model) != graph_sources(model, "int8")
    assert graph_sources(model, "fp16") == graph_sources(model)
