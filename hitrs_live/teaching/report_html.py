"""The report of a fit as one HTML file: figures and drawings, with no script and nothing from elsewhere."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from hitrs_live.errors import ConfigError
from hitrs_live.files.atomic_write import whole_file
from hitrs_live.files.output_files import create_private, why_unwritable
from hitrs_live.teaching.advice import advise
from hitrs_live.teaching.evidence import ActionEvidence, Negatives
from hitrs_live.teaching.fit import Fitted
from hitrs_live.teaching.needed_legs import body_word
from hitrs_live.teaching.report import notes, sequence_text, shown_rate
from hitrs_live.teaching.report_drawings import draw_curve, draw_distances
from hitrs_live.teaching.step_sequence import StepSequence

_STYLE: Final = """
:root { color-scheme: light dark; --text: #1c2430; --soft: #5d6878; --page: #f3f5f8; --card: #fff; --line: #dfe4ea;
  --own: #1f6feb; --other: #d97706; --wrong: #c9372c; --inside: #1f6feb14 }
@media (prefers-color-scheme: dark) { :root { --text: #e6eaf0; --soft: #9aa5b4; --page: #12161c; --card: #1b212a;
  --line: #313a46; --own: #6ea8fe; --other: #f2b04a; --wrong: #ff7b72; --inside: #6ea8fe1f } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; color: var(--text);
  background: var(--page); max-width: 76rem; margin: 0 auto; padding: 2rem 1.25rem 3rem }
h1 { font-size: 1.9rem; margin: 0 } h2 { font-size: 1.35rem; margin: 0; display: inline } h3 { font-size: .95rem }
p { margin: .35rem 0 } .soft, figcaption { color: var(--soft); font-size: .88rem } a { color: var(--own) }
nav { margin: .6rem 0 0; display: flex; flex-wrap: wrap; gap: .3rem 1.1rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: 12px; padding: 1.3rem 1.5rem;
  margin-top: 1.4rem; break-inside: avoid }
.kind { margin-left: .6rem; padding: .1rem .6rem; border-radius: 1rem; background: var(--inside); color: var(--own);
  font-size: .82rem; vertical-align: 2px }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11.5rem, 1fr)); gap: .9rem; margin: 1rem 0 }
.figure { border-left: 3px solid var(--line); padding-left: .8rem }
.figure b { display: block; font-size: 1.45rem; line-height: 1.3; font-variant-numeric: tabular-nums }
.good { border-color: var(--own) } .poor { border-color: var(--other) }
.drawings { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 1.5rem }
figure { margin: 0 } ul { margin: .8rem 0 0; padding-left: 1.1rem } li { margin: .2rem 0 }
svg { width: 100%; height: auto; display: block } svg text { font-size: 12px; fill: var(--soft) }
svg text.strong { fill: var(--text); font-weight: 600 }
.grid { stroke: var(--line) } .inside { fill: var(--inside) } .limit { stroke: var(--text); stroke-dasharray: 4 3 }
.own { fill: var(--own); fill-opacity: .6 } .other { fill: var(--other); fill-opacity: .6 }
.wrong, .chosen { fill: var(--wrong) } .tick { stroke: var(--soft); stroke-opacity: .55 }
.curve { fill: none; stroke: var(--own); stroke-width: 2.5; stroke-linejoin: round }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: .6rem 0 0 } dd { margin: 0 }
dt { color: var(--soft) }
@media print { body { background: none; padding: 0 } }
"""
_GOOD_RECALL: Final = 0.8


def save_html(path: Path, fitted: Fitted) -> None:
    """Write the report to a file of its owner's alone. Raises ConfigError if that fails."""
    if reason := why_unwritable(path):
        raise ConfigError(f"report {path}: {reason}")
    try:
        with whole_file(path) as unfinished, create_private(unfinished, overwrite=True) as file:
            file.write(render_html(fitted).encode())
    except OSError as error:
        raise ConfigError(f"report {path}: cannot be written ({error.strerror or error}); give another path") from None


def render_html(fitted: Fitted) -> str:
    """Return the report as HTML."""
    names = fitted.taught.all_names
    # What is said of no action by name holds for all of them.
    of_all = dict.fromkeys(line for one in fitted.evidence for line in advise(one) if not _is_of(one, line))
    links = "".join(f'<a href="#{escape(name)}">{escape(name)}</a>' for name in names) if len(names) > 1 else ""
    sequences = "".join(_sequence(one, fitted.notes) for one in fitted.taught.sequences)
    about = fitted.taught.provenance | ({"encoder": fitted.taught.encoder_name} if fitted.taught.encoder else {})
    made = "".join(f"<dt>{escape(key.replace('_', ' '))}</dt><dd>{escape(text)}</dd>" for key, text in about.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Taught actions</title>'
        f'<style>{_STYLE}</style></head><body><header><h1>Taught actions</h1><p class="soft">{_counts(fitted)}</p>'
        f"{_list(list(of_all))}<nav>{links}</nav></header>"
        f"{''.join(map(_section, fitted.evidence))}{sequences}"
        f"<section><h2>Made of</h2><dl>{made}</dl></section></body></html>\n"
    )


def _counts(fitted: Fitted) -> str:
    parts = []
    if actions := len(fitted.taught.actions):
        parts.append(f"{actions} action{'s' if actions != 1 else ''}, found by their examples, with limits of 95 %")
    if sequences := len(fitted.taught.sequences):
        parts.append(f"{sequences} sequence{'s' if sequences != 1 else ''} of actions")
    return "; ".join(parts) + "."


def _sequence(one: StepSequence, of_fit: Sequence[str]) -> str:
    """Describe a sequence. of_fit: the notes of the fit, of all sequences."""
    start = f"sequence {one.name}: "
    lines = [line.removeprefix(start) for line in of_fit if line.startswith(start)]
    return (
        f'<section id="{escape(one.name)}"><h2>{escape(one.name)}</h2><span class="kind">sequence</span>'
        f"<p>{escape(sequence_text(one))}</p>{_list(lines)}</section>"
    )


def _section(one: ActionEvidence) -> str:
    people = ", ".join(one.people) or "one person without a name"
    lines = [line.removeprefix(f"{one.name}: ") for line in (*notes(one), *advise(one)) if _is_of(one, line)]
    sides = ", either side" if one.settings.both_sides else ""
    return (
        f'<section id="{escape(one.name)}"><h2>{escape(one.name)}</h2><span class="kind">{one.settings.kind}{sides}, '
        f'{body_word(one.needs_legs)}</span><p class="soft">{one.examples} example{"s" if one.examples != 1 else ""} '
        f"of {escape(people)}</p>"
        f'{_figures(one)}<div class="drawings"><figure>{draw_distances(one)}<figcaption>Each dot is a repetition, each '
        "line a moment at which something else comes near. What lies left of the dashed line is reported, unless "
        "another action scores higher."
        f"</figcaption></figure><figure>{draw_curve(one)}<figcaption>Farther right more is found, and more often "
        f"wrongly.</figcaption></figure></div>{_list(lines)}</section>"
    )


def _figures(one: ActionEvidence) -> str:
    found, of, least = one.recall()
    value, text = f"{found} of {of}", f"repetitions found ({least:.0%} or more)"
    if not of:
        value, text = "not measured", "how many repetitions are found: there is one example"
    return (
        '<div class="figures">'
        + _figure(value, text, good=found >= _GOOD_RECALL * of if of else None)
        + _figure(*_rate(one, one.background, "generated movement"), good=None)
        + _figure(*_rate(one, one.quiet, "your quiet recordings"), good=None)
        + _figure(f"{one.duration_s:.1f} s", "from its onset until it is reported", good=None)
        + "</div>"
    )


def _rate(one: ActionEvidence, negatives: Negatives, of_what: str) -> tuple[str, str]:
    """Return a rate of false alarms, and what is below it: its interval."""
    shown = shown_rate(negatives, one.calibration.distance)
    value, _, interval = shown.partition(" (")
    unit = "false alarms" if value.startswith("none") else "false alarms an hour"
    return value, f"{unit}, {of_what}" + (f" ({interval}" if interval else "")


def _figure(value: str, text: str, *, good: bool | None) -> str:
    style = "" if good is None else " good" if good else " poor"
    return f'<div class="figure{style}"><b>{escape(value)}</b><span class="soft">{escape(text)}</span></div>'


def _list(lines: list[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>" if lines else ""


def _is_of(one: ActionEvidence, line: str) -> bool:
    return line.startswith(f"{one.name}: ")
