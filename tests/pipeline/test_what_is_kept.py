"""The last minutes are kept only where they can be asked for, and the settings say so."""

import pytest

from hitrs_live.config import Config, override
from hitrs_live.pipeline.assembly import Assembly, RunPlan


@pytest.mark.parametrize(
    ("settings", "publishes", "keeps"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"keep.minutes": 0}, True, False),
        ({"publish.recovery": "none"}, True, False),
    ],
)
def test_the_last_minutes_are_kept_where_a_publisher_gives_them_away(
    settings: dict[str, object], publishes: bool, keeps: bool
) -> None:
    plan = RunPlan(sources=[("demo", "")], publishes=publishes)
    with Assembly(plan, override(Config(), settings)) as assembly:
        assert (assembly.kept is not None) is keeps
