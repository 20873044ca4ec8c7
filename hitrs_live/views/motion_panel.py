"""The dashboard's panel of motion prediction errors, beside those of the zero-velocity baseline."""

from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from hitrs_live.messages import Status
from hitrs_live.views.panel_style import QUIET, box

_SHOWN_MS = (100, 200, 400, 600, 1000)
_MOTION_TITLE = "motion prediction error, mm"
_NEAR_MS = 50


def motion_summary(status: Status | None, height: int) -> Panel:
    """Compare the mean errors over all people with the zero-velocity baseline's, by horizon."""
    columns: list[tuple[float, float, float]] = []
    if status is not None:
        by_horizon = (status.motion_horizons_ms, status.motion_errors_mm, status.motion_held_errors_mm)
        columns = [at for ms in _SHOWN_MS if (at := errors_at(*by_horizon, ms)) is not None]
    if not columns:
        # A publisher of version 0.1 sends one mean over all horizons.
        overall = (
            None if status is None else errors_in_words("all", status.motion_error_mm, status.motion_held_error_mm)
        )
        return box(overall or Text("not measured yet", QUIET), _MOTION_TITLE, height)
    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    table.add_column(no_wrap=True, style=QUIET, ratio=1)
    for _ in columns:
        table.add_column(justify="right", no_wrap=True, width=5)
    table.add_row("ms ahead", *(Text(f"{ms:.0f}", QUIET) for ms, _, _ in columns))
    table.add_row("predicted", *(Text(f"{error:.0f}", _rank(error, zero)) for _, error, zero in columns))
    table.add_row("zero velocity", *(Text(f"{zero:.0f}", QUIET) for _, _, zero in columns))
    if height >= 6:
        table.add_row("better by", *(Text(_gain(error, zero), _rank(error, zero)) for _, error, zero in columns))
    return box(table, _MOTION_TITLE, height)


def errors_at(
    horizons_ms: tuple[float, ...],
    errors_mm: tuple[float | None, ...],
    zero_velocity_mm: tuple[float | None, ...],
    horizon_ms: float,
) -> tuple[float, float, float] | None:
    """Return (horizon in ms, prediction error, baseline error) nearest to a horizon; None beyond 50 ms from it."""
    known = [
        (ms, error, zero)
        for ms, error, zero in zip(horizons_ms, errors_mm, zero_velocity_mm, strict=False)
        if error is not None and zero is not None and abs(ms - horizon_ms) <= _NEAR_MS
    ]
    return min(known, key=lambda at: abs(at[0] - horizon_ms), default=None)


def errors_in_words(what: str, error_mm: float | None, zero_velocity_mm: float | None) -> Text | None:
    """Write a prediction error and the baseline's in one line; None if one of them is unknown."""
    if error_mm is None or zero_velocity_mm is None:
        return None
    return Text.assemble(
        (f"{what}: ", QUIET),
        (f"{error_mm:.0f} mm", _rank(error_mm, zero_velocity_mm)),
        (f", zero velocity {zero_velocity_mm:.0f} mm", QUIET),
    )


def _gain(error_mm: float, zero_velocity_mm: float) -> str:
    return f"{100 * (1 - error_mm / zero_velocity_mm):.0f}%" if zero_velocity_mm > 0 else ""


def _rank(error_mm: float, zero_velocity_mm: float) -> str:
    return "green" if error_mm <= zero_velocity_mm else "yellow"
