"""Lay out rows as a Markdown table; each column states once how its numbers are rounded."""

import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spread:
    """Values of several seeds, shown as mean ± standard deviation of the sample; of one seed as that value."""

    values: Sequence[float]


@dataclass(frozen=True)
class Column:
    """One column of a table, made from one row of a report."""

    head: str
    value: Callable[[Any], Any]
    """Text, a number, None for "not applicable", a Spread, or several of these in a sequence."""
    form: str = ""
    """Format specification of every number of the column. Integers alone may go without."""
    unit: str = ""
    """What follows the numbers of a cell, once."""
    separator: str = ", "
    """Between several numbers of one cell."""


def table(columns: Sequence[Column], rows: Iterable[Any]) -> str:
    """Lay out one line for each row."""
    return grid([column.head for column in columns], [[cell(column, row) for column in columns] for row in rows])


def transposed(columns: Sequence[Column], rows: Sequence[Any], heads: Sequence[str]) -> str:
    """Lay out one line for each column, its head first; heads: of the first column, then of each row."""
    return grid(heads, [[column.head, *(cell(column, row) for row in rows)] for column in columns])


def grid(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out cells that are text already."""
    head, *body = (f"| {' | '.join(row)} |" for row in (heads, *rows))
    return "\n".join((head, "|" + "---|" * len(heads), *body))


def cell(column: Column, row: Any) -> str:
    """Write one cell, "-" where nothing applies."""
    value = column.value(row)
    if isinstance(value, str):
        return value
    values = value if isinstance(value, list | tuple) else (value,)
    if all(each is None for each in values):
        return "-"
    return column.separator.join(number(each, column.form) for each in values) + column.unit


def number(value: float | Spread | None, form: str) -> str:
    """Write one number. Raises ValueError for a fraction that no format rounds."""
    if value is None:
        return "-"
    if isinstance(value, Spread):
        mean = number(statistics.fmean(value.values), form)
        return mean if len(value.values) == 1 else f"{mean} ± {number(statistics.stdev(value.values), form)}"
    if isinstance(value, float) and not form:
        raise ValueError(f"{value}: a column of fractions wants a format")
    return re.sub(r"e([-+])0", r"e\1", format(value, form))
