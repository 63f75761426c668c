"""A healthy year is silent: two zones, both clock changes, terms, breaks, deploys and strays."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from support.judge_simulation.school import BREAKS
from support.judge_simulation.world import BEGIN, live_through

pytestmark = pytest.mark.timeout(1800)
"""Half a minute on a core that does nothing else."""

YEAR = BEGIN + timedelta(days=366)
AROUND = timedelta(days=3)


@pytest.fixture(scope="module", autouse=True)
def _no_garbage_collector() -> Iterator[None]:
    """It finds nothing in a fifth of the time of a life."""
    gc.disable()
    yield
    gc.enable()


def test_with_a_configuration_breaks_open_no_incident(tmp_path: Path) -> None:
    assert live_through(tmp_path, seed=1, configured=True, end=YEAR) == []


def test_without_a_configuration_at_most_the_start_of_a_break_opens_an_incident(
    tmp_path: Path,
) -> None:
    opened = live_through(tmp_path, seed=2, configured=False, end=YEAR)
    for begin, _ in BREAKS:
        at_its_start = [each for each in opened if begin <= each.time < begin + AROUND]
        assert len(at_its_start) <= 1, at_its_start
        opened = [each for each in opened if each not in at_its_start]
    assert opened == []
