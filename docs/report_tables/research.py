"""Tables of what pre-training gives."""

from collections.abc import Sequence

from report_tables.markdown import Column, Spread, table
from report_tables.reports import Report, Reports

METHODS = {
    "fine-tuned": "Hi-TRS, pre-trained, fine-tuned",
    "scratch": "Hi-TRS, from scratch",
    "linear": "linear, pre-trained",
    "linear, untrained": "linear, untrained",
    "plain transformer": "plain transformer",
    "GRU": "GRU",
}
OBSERVED = ("10", "20", "40", "60", "80", "100")


def pretraining_nw_ucla(reports: Reports) -> str:
    """Lay out Northwestern-UCLA by share of labels; two seeds with all labels where they were run."""
    figures = _with(reports["pretraining"]["top1"]["nw_ucla"], reports["pretraining_nw_ucla"]["top1"]["nw_ucla"])
    return _pretraining("NW-UCLA, top-1 %, share of labels", figures, {share: share for share in figures})


def pretraining_utkinect(reports: Reports) -> str:
    """Lay out UTKinect, of which every share below all comes to one sequence a class."""
    figures = reports["pretraining"]["top1"]["utkinect"]
    return _pretraining("UTKinect, top-1 %, sequences a class", figures, {"1%": "1", "100%": "10"})


def pretraining_precog(reports: Reports) -> str:
    """Lay out PRECOG by share of labels; three seeds with all labels where they were run."""
    figures = _with(reports["pretraining"]["top1"]["precog"], reports["pretraining_precog"]["top1"]["precog"])
    return _pretraining("PRECOG, top-1 %, share of labels", figures, {share: share for share in figures})


def linear_probe(reports: Reports) -> str:
    """Lay out how early the linear probe knows, and the nearest neighbours of whole sequences."""
    linear, nearest = (reports["linear_probe"][protocol] for protocol in ("linear", "knn"))
    titles = {"nw_ucla": "NW-UCLA", "utkinect_streams": "UTKinect", "precog16": "PRECOG"}

    def at(percent: str) -> Column:
        return Column(f"{percent} %", lambda name: 100 * linear[name]["observed"][percent], ".0f")

    columns = (
        Column("top-1 %, linear, share of the sequence observed", lambda name: titles[name]),
        *map(at, OBSERVED),
        Column("five nearest, whole sequence", lambda name: 100 * nearest[name]["top1"], ".1f"),
    )
    return table(columns, linear)


def _pretraining(title: str, figures: Report, shares: dict[str, str]) -> str:
    def of(share: str) -> Column:
        head = shares[share].replace("%", " %")
        return Column(head, lambda method: _percent(figures[share][method]["seeds"]), ".1f")

    return table((Column(title, lambda method: METHODS[method]), *map(of, shares)), METHODS)


def _percent(seeds: Sequence[float]) -> Spread:
    return Spread([100 * value for value in seeds])


def _with(figures: Report, of_more_seeds: Report) -> Report:
    """Put what was run with more seeds in place of what was run with one."""
    return {share: methods | of_more_seeds.get(share, {}) for share, methods in figures.items()}
