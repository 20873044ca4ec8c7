"""Gaps of a slow, steady source are interpolated; a source that is too slow is reported; others are unchanged."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hitrs_live.streaming.source_rate import SourceRate

S = 1_000_000_000
BRIDGE_S = 0.3


def after(gaps_s: Sequence[float], bridge_s: float = BRIDGE_S) -> SourceRate:
    pace = SourceRate(bridge_s)
    for gap_s in gaps_s:
        pace.take(round(gap_s * S))
    return pace


@pytest.mark.parametrize("rate_hz", [5.0, 7.5, 10.0, 15.0, 24.0, 30.0, 60.0, 240.0])
def test_at_ordinary_rates_the_settings_hold(rate_hz: float) -> None:
    pace = after([1 / rate_hz] * 100)
    assert (pace.bridge_ns, pace.notice) == (round(BRIDGE_S * S), "")


@given(st.lists(st.floats(0.001, 0.2), max_size=60), st.integers(0, 60))
def test_a_pause_of_any_length_among_ordinary_frames_changes_nothing(gaps_s: list[float], at: int) -> None:
    for pause_s in (0.5, 3.0, 3600.0):
        pace = after([*gaps_s[:at], pause_s, *gaps_s[at:]])
        assert (pace.bridge_ns, pace.notice) == (round(BRIDGE_S * S), "")


@pytest.mark.parametrize("rate_hz", [3.0, 4.0])
def test_a_slow_source_is_bridged_by_half_more_than_its_own_gap(rate_hz: float) -> None:
    pace = after([1 / rate_hz] * 10)
    assert pace.bridge_ns == pytest.approx(1.5 / rate_hz * S, rel=1e-6)
    assert pace.notice == ""


def test_a_slow_source_that_jitters_is_bridged_too() -> None:
    gaps_s = np.random.default_rng(0).uniform(0.25, 0.42, 60)
    assert after(gaps_s.tolist()).bridge_ns > max(gaps_s) * S


@pytest.mark.parametrize(("rate_hz", "expected"), [(2.0, "2 frames a second"), (0.5, "0.5 frames a second")])
def test_a_source_that_is_too_slow_is_reported_with_its_rate_and_the_rate_needed(rate_hz: float, expected: str) -> None:
    pace = after([1 / rate_hz] * 10)
    assert expected in pace.notice
    assert "at least 2.2 are needed" in pace.notice
    assert pace.bridge_ns == round(BRIDGE_S * S)


def test_bursts_are_reported_by_the_pause_between_them_at_any_mean_rate() -> None:
    burst = [0.01] * 9 + [0.5]
    pace = after(burst * 20)
    assert pace.notice == (
        "frames come in bursts 0.5 s apart, too far to detect actions; gaps of at most 0.45 s are needed"
    )
    assert after(([0.01] * 9 + [0.35]) * 20).bridge_ns == round(0.525 * S), "those that can be bridged are"


def test_a_setting_that_bridges_more_needs_less() -> None:
    assert after([0.5] * 10, bridge_s=0.6).notice == ""
    assert "at least 1.7 are needed" in after([0.8] * 10, bridge_s=0.6).notice


def test_a_rate_that_falls_and_rises_again_is_followed() -> None:
    pace = after([1 / 30] * 300)
    for _ in range(20):
        pace.take(round(S / 2))
    assert "2 frames a second" in pace.notice
    for _ in range(200):
        pace.take(round(S / 30))
    assert (pace.bridge_ns, pace.notice) == (round(BRIDGE_S * S), "")


def test_a_notice_is_not_rewritten_for_every_small_change() -> None:
    pace = after([0.5] * 12)
    notices = set()
    for gap_s in np.random.default_rng(0).uniform(0.47, 0.53, 100).tolist():
        pace.take(round(gap_s * S))
        notices.add(pace.notice)
    assert len(notices) == 1


def test_a_clock_that_is_reset_forgets_all_gaps() -> None:
    pace = after([0.5] * 10)
    pace.forget()
    assert pace.notice == ""


def test_what_is_kept_is_bounded() -> None:
    pace = SourceRate(BRIDGE_S)
    for number in range(20_000):
        pace.take(S // 1000 if number % 2 else S // 100)
    assert len(pace._gaps_ns) < 1200
