"""Each fault opens one incident of the right kind, with its subject and cause, and resolves."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from canvas_sync_core.names import IncidentKind
from support.judge_simulation.fault import Fault
from support.judge_simulation.faults import FAULTS
from support.judge_simulation.trial import HEADINGS, Trial, try_fault
from support.judge_simulation.world import FrozenWorld, make_world

TUESDAY = datetime(2026, 2, 3, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module", autouse=True)
def _no_garbage_collector() -> Iterator[None]:
    """It finds nothing in a fifth of the time of the trials."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> FrozenWorld:
    """Five healthy weeks."""
    folder = tmp_path_factory.mktemp("school")
    world = make_world(folder, 1, configured=True, end=TUESDAY + 9 * DAY)
    world.go_on(TUESDAY - DAY)
    assert world.messages == []
    return world.frozen()


@pytest.fixture(scope="module")
def trials() -> Iterator[list[Trial]]:
    """The trials so far; in the end they are printed as a table."""
    done: list[Trial] = []
    yield done
    print("", HEADINGS, *(trial.row() for trial in done), sep="\n")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_opens_one_incident_that_resolves(
    fault: Fault, healthy: FrozenWorld, trials: list[Trial]
) -> None:
    trial = try_fault(healthy, fault, TUESDAY, seed=1)
    trials.append(trial)

    assert trial.problems == []


def test_every_kind_of_incident_has_a_fault() -> None:
    assert {fault.kind for fault in FAULTS} == set(IncidentKind)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 28


def test_without_a_configuration_the_same_is_reported(tmp_path: Path) -> None:
    """Where the rhythm has to be learned; a promise about the age of items cannot be."""
    world = make_world(tmp_path, 2, configured=False, end=TUESDAY + 9 * DAY)
    world.go_on(TUESDAY - DAY)
    assert world.messages == []

    chosen = [fault for fault in FAULTS if fault.name in LEARNED]
    healthy = world.frozen()
    trials = [try_fault(healthy, fault, TUESDAY, seed=2) for fault in chosen]
    assert len(chosen) == len(LEARNED)
    for trial in trials:
        # A learned rhythm leaves runs more time than the configured one, for which this is made.
        wrong = [each for each in trial.problems if not each.startswith("delay")]
        assert wrong == [], trial.row()
        assert trial.delay is not None
        assert trial.delay <= 2 * trial.fault.interval


LEARNED = {
    "the cron job of the night is gone",
    "one night fails",
    "every run fails after a deploy",
    "most users' runs fail",
    "the night hangs",
    "all lists are empty, hooks alone",
    "Canvas is down",
}
