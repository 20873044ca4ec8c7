"""The report of a fit in the terminal."""

from rich.console import Console
from rich.table import Table

from hitrs_live.teaching.advice import advise, rate, share
from hitrs_live.teaching.evidence import ActionEvidence, Negatives
from hitrs_live.teaching.fit import Fitted
from hitrs_live.teaching.needed_legs import body_word
from hitrs_live.teaching.step_sequence import StepSequence

MEASURED_ON_OTHERS = "by examples of other people"
MEASURED_ON_SAME = "by the same person's other examples"


def curve(evidence: ActionEvidence, points: int = 25) -> list[tuple[float, float, float]]:
    """Return thresholds with the recall and the false alarms an hour of the background at each, from strict to lax."""
    positives = [distance for _, distance in evidence.found]
    near = sorted(evidence.background.nearest)
    most = max(evidence.calibration.distance * 1.5, *(positives or [0.0]))
    least = min([*positives, *near[:1], evidence.calibration.distance]) * 0.9
    found = []
    for step in range(points):
        distance = least + (most - least) * step / (points - 1)
        hit, of, _ = evidence.recall(distance)
        found.append((distance, hit / of if of else 0.0, evidence.background.rate(distance)[0]))
    return found


def shown_rate(negatives: Negatives, distance: float) -> str:
    """Show the false alarms an hour at a threshold."""
    _, low, high = negatives.rate(distance)
    return rate(negatives.alarms(distance), negatives.hours, low, high)


def report_table(fitted: Fitted) -> Table:
    """Build the table of all actions."""
    table = Table(title="What these actions will do", title_justify="left", expand=False)
    for name in (
        "action",
        "examples",
        "body",
        "found (95 % limit)",
        "false alarms/h, generated",
        "false alarms/h, quiet",
        "after",
    ):
        table.add_column(name, overflow="fold")
    for one in fitted.evidence:
        distance = one.calibration.distance
        people = (
            f"{one.examples}, {len(one.people) or 1} people" if len(one.people) > 1 else f"{one.examples}, one person"
        )
        table.add_row(
            one.name, people, body_word(one.needs_legs).split()[0], share(*one.recall()),
            shown_rate(one.background, distance), shown_rate(one.quiet, distance), f"{one.duration_s:.1f} s",
        )  # fmt: skip
    return table


def notes(one: ActionEvidence) -> list[str]:
    """Say how an action was measured, and what counted."""
    lines = []
    if one.found:
        how = MEASURED_ON_OTHERS if one.of_others else MEASURED_ON_SAME
        lines.append(f"{one.name}: each repetition was measured {how}")
    if one.corrections:
        what = "1 correction" if len(one.corrections) == 1 else f"{len(one.corrections)} corrections"
        lines.append(f"{one.name}: {what} in not_this, which would not be reported again")
    if one.alike:
        lines.append(
            f"{one.name}: taken to be the same as the generated {', '.join(one.alike)}, which were not counted"
        )
    return lines


def sequence_text(one: StepSequence) -> str:
    """Describe a sequence and how often it is found, of which nothing was measured."""
    return f"{one.text()}; found where each of these is, so no more often than the rarest of them"


def report_lines(fitted: Fitted) -> list[str]:
    """Write the report below the table: how it was measured, sequences, confusions, what to do."""
    lines = [line for one in fitted.evidence for line in notes(one)]
    lines += [f"{one.name}: {sequence_text(one)}" for one in fitted.taught.sequences]
    advice = dict.fromkeys(line for one in fitted.evidence for line in advise(one))
    return [*lines, *fitted.notes, *advice]


def print_report(fitted: Fitted, console: Console | None = None) -> None:
    """Print the report. console: by default the terminal."""
    console = console or Console()
    if fitted.evidence:
        console.print(report_table(fitted))
    for line in report_lines(fitted):
        console.print(line, style="dim" if ": each repetition" in line else "", highlight=False, markup=False)
