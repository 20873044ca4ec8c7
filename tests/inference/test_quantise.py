"""Which processors int8 is made for with unsigned weights."""

import pytest

from hitrs_live.inference.quantise import sums_saturate


@pytest.mark.parametrize(
    ("machine", "cpu_info", "saturates"),
    [
        ("x86_64", "flags\t\t: fpu sse4_2 avx avx2 fma", True),
        ("AMD64", "", True),
        ("x86_64", "flags\t\t: avx2 avx512f avx512_vnni", False),
        ("x86_64", "flags\t\t: avx2 avx_vnni", False),
        ("aarch64", "Features\t: asimd", False),
    ],
)
def test_only_an_x86_without_vnni_gets_unsigned_weights(machine: str, cpu_info: str, saturates: bool) -> None:
    assert sums_saturate(machine, cpu_info) is saturates
