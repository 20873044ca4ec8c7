"""A plugin of pytest that repeats each test with new examples until its time is over.

`python -m pytest -p fuzz_rounds --fuzz-seconds 60 TEST`. Hypothesis keeps what failed in its database and tries that
first in the next run.
"""

import time
from collections.abc import Mapping
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flag."""
    parser.addoption("--fuzz-seconds", type=float, default=0.0, help="time for each test")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool:
    """Call the test again and again; a failure ends it."""
    names = pyfuncitem._fixtureinfo.argnames
    arguments: Mapping[str, Any] = {name: pyfuncitem.funcargs[name] for name in names}
    ends_s = time.monotonic() + pyfuncitem.config.getoption("--fuzz-seconds")
    rounds = 0
    while rounds == 0 or time.monotonic() < ends_s:
        pyfuncitem.obj(**arguments)
        rounds += 1
    pyfuncitem.user_properties.append(("rounds", rounds))
    return True


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how often each test was repeated."""
    for report in terminalreporter.getreports("passed"):
        if report.when == "call":
            terminalreporter.write_line(f"{dict(report.user_properties).get('rounds', 0):6} rounds  {report.nodeid}")
