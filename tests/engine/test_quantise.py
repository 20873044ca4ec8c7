"""Which processors int8 is made for with weights of 7 bits."""

import pytest

from hitrs_live.engine.quantise import needs_reduced_range


@pytest.mark.parametrize(
    ("machine", "cpu_info", "reduced"),
    [
        ("x86_64", "flags\t\t: fpu sse4_2 avx avx2 fma", True),
        ("AMD64", "", True),
        ("x86_64", "flags\t\t: avx2 avx512f avx512_vnni", False),
        ("x86_64", "flags\t\t: avx2 avx_vnni", False),
        ("aarch64", "Features\t: asimd", False),
    ],
)
def test_only_an_x86_without_vnni_gets_weights_of_7_bits(machine: str, cpu_info: str, reduced: bool) -> None:
    assert needs_reduced_range(machine, cpu_info) is reduced
