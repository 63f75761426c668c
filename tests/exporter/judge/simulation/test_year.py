"""A healthy year is silent: two zones, both clock changes, terms, breaks, deploys and strays."""

from __future__ import annotations

import gc
import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from support.judge_simulation.school import BREAKS
from support.judge_simulation.world import BEGIN, Opened, live_through

pytestmark = pytest.mark.timeout(1800)
"""A minute on two cores that do nothing else."""

YEAR = BEGIN + timedelta(days=366)
LIVES = {
    "configured": (1, True, YEAR),
    "learned": (2, False, YEAR),
}
"""Seed, whether schedules and pauses are configured, and until when."""
AROUND = timedelta(days=3)


@pytest.fixture(scope="module")
def lives(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Opened]]:
    """What was opened in each life.

    They are lived in two processes, without the garbage collector: it finds nothing in a fifth of
    their time.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=context, initializer=gc.disable) as pool:
        started: dict[str, Future[list[Opened]]] = {}
        for number, (name, (seed, configured, end)) in enumerate(LIVES.items()):
            folder: Path = tmp_path_factory.mktemp(f"school-{number}")
            started[name] = pool.submit(live_through, folder, seed, configured, end)
        return {name: future.result() for name, future in started.items()}


def test_with_a_configuration_breaks_open_no_incident(lives: dict[str, list[Opened]]) -> None:
    assert lives["configured"] == []


def test_without_a_configuration_at_most_the_start_of_a_break_opens_an_incident(
    lives: dict[str, list[Opened]],
) -> None:
    opened = lives["learned"]
    for begin, _ in BREAKS:
        at_its_start = [each for each in opened if begin <= each.time < begin + AROUND]
        assert len(at_its_start) <= 1, at_its_start
        opened = [each for each in opened if each not in at_its_start]
    assert opened == []
