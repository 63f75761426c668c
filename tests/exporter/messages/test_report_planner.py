"""Reports are made once for each period and channel, on a simulated clock and real tables."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import Engine

from canvas_sync_core.names import MessageKind
from canvas_sync_core.store.messages.reading import MessageFilter, message_page
from canvas_sync_core.store.rollups.writing import roll_up
from canvas_sync_core.store.run_deletion import delete_runs
from canvas_sync_exporter.config_file.audience import Audience
from canvas_sync_exporter.config_file.reports import ReportSettings
from canvas_sync_exporter.messages.content import Content, Status
from canvas_sync_exporter.messages.report_planner import ReportPlanner
from canvas_sync_exporter.messages.reports.periods import ReportRequest
from support.runs import snapshot, write
from support.simulated_clock import SimulatedClock

MONDAY = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
DAILY = Audience(kinds=frozenset({MessageKind.DAILY}))
ALL = Audience()


class Maker:
    """Makes small reports, unless their kind is broken, and remembers which."""

    def __init__(self) -> None:
        self.made: list[tuple[MessageKind, str]] = []
        self.broken: set[MessageKind] = set()

    def __call__(self, request: ReportRequest, _: datetime) -> Content:
        """Make a report."""
        self.made.append(request.key)
        if request.kind in self.broken:
            raise OSError("no metric files")
        return Content(kind=request.kind, title=request.period, summary=".", status=Status.GOOD)


@pytest.fixture
def earlier_run(engine: Engine) -> None:
    """A run long ago, without which there are no reports."""
    write_run(engine, MONDAY - timedelta(days=90))


def write_run(engine: Engine, start: datetime) -> None:
    write(engine, snapshot(f"run of {start}", start_time=start.timestamp()))


@pytest.fixture
def maker() -> Maker:
    """Makes reports."""
    return Maker()


def planner(engine: Engine, maker: Maker, **audiences: Audience) -> ReportPlanner:
    """Start an exporter that sends reports at 07:30 UTC."""
    return ReportPlanner(engine, ReportSettings(at=time(7, 30), timezone=UTC), audiences, maker)


def keys(engine: Engine) -> list[tuple[str, str, str]]:
    """Return kind, period and channel of all messages, oldest first."""
    found = message_page(engine, MessageFilter(), 100).items[::-1]
    return [(each.kind, each.period, each.channel) for each in found]


@pytest.mark.usefixtures("earlier_run")
def test_a_report_is_made_once_for_all_channels_that_receive_it(
    engine: Engine, maker: Maker
) -> None:
    clock = SimulatedClock(MONDAY - timedelta(minutes=5))
    exporters = [planner(engine, maker, slack=DAILY, email=ALL) for _ in range(2)]
    maker.made.clear()
    for _ in range(12):
        for exporter in exporters:
            exporter.plan(clock.now)
        clock.advance(minutes=1)
    daily = [key for key in keys(engine) if key[0] == MessageKind.DAILY and key[1] == "2026-03-02"]
    assert {channel for _, _, channel in daily} == {"slack", "email"}
    assert len(keys(engine)) == len(set(keys(engine)))
    assert len(maker.made) == len(set(maker.made)), "the second exporter finds them made"
    assert {channel for kind, _, channel in keys(engine) if kind != MessageKind.DAILY} == {"email"}


@pytest.mark.usefixtures("earlier_run")
def test_a_report_is_not_made_again_after_a_restart(engine: Engine, maker: Maker) -> None:
    planner(engine, maker, slack=DAILY).plan(MONDAY)
    count = len(maker.made)
    assert count
    for hours in range(24):
        planner(engine, maker, slack=DAILY).plan(MONDAY + timedelta(hours=hours, minutes=1))
    assert len(maker.made) == count


@pytest.mark.usefixtures("earlier_run")
def test_a_missed_report_is_made_up_for_until_noon(engine: Engine, maker: Maker) -> None:
    planner(engine, maker, slack=DAILY).plan(MONDAY + timedelta(hours=3))
    assert len(keys(engine)) == 1
    planner(engine, maker, slack=DAILY).plan(MONDAY + timedelta(days=1, hours=6))
    assert len(keys(engine)) == 1


@pytest.mark.usefixtures("earlier_run")
def test_months_have_one_report_for_each_day_week_and_month(engine: Engine, maker: Maker) -> None:
    clock = SimulatedClock(datetime(2026, 2, 1, tzinfo=UTC))
    exporter = planner(engine, maker, email=ALL)
    while clock.now.month < 4:
        exporter.plan(clock.now)
        clock.advance(hours=4)
    counts = {kind: sum(made == kind for made, _ in maker.made) for kind in MessageKind}
    assert len(maker.made) == len(set(maker.made))
    assert counts[MessageKind.DAILY] == 28 + 31
    assert counts[MessageKind.MONTHLY] == 2
    assert counts[MessageKind.WEEKLY] == 9


@pytest.mark.usefixtures("earlier_run")
def test_a_report_that_cannot_be_made_does_not_stop_the_others(
    engine: Engine, maker: Maker
) -> None:
    maker.broken = {MessageKind.DAILY}
    exporter = planner(engine, maker, email=ALL)
    with pytest.raises(OSError, match="no metric files"):
        exporter.plan(MONDAY)
    assert {kind for kind, _, _ in keys(engine)} >= {MessageKind.WEEKLY}
    count = len(maker.made)
    assert exporter.plan(MONDAY + timedelta(seconds=59)) == 0
    assert len(maker.made) == count, "it is not tried all the time"
    maker.broken = set()
    assert exporter.plan(MONDAY + timedelta(seconds=60)) == 1


@pytest.mark.usefixtures("earlier_run")
def test_nothing_is_made_that_no_channel_receives(engine: Engine, maker: Maker) -> None:
    incidents = Audience(kinds=frozenset({MessageKind.INCIDENT}))
    planner(engine, maker, slack=incidents).plan(MONDAY)
    assert maker.made == []


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_a_new_installation_gets_no_report_on_days_before_its_first_run(
    engine: Engine, maker: Maker, is_rolled_up: bool
) -> None:
    exporter = planner(engine, maker, email=ALL)
    exporter.plan(MONDAY + timedelta(minutes=30))
    write_run(engine, MONDAY + timedelta(hours=1))
    if is_rolled_up:
        roll_up(engine, 60)
    exporter.plan(MONDAY + timedelta(hours=2))
    assert keys(engine) == []
    exporter.plan(MONDAY + timedelta(days=1))
    assert keys(engine) == [(MessageKind.DAILY, "2026-03-03", "email")]


@pytest.mark.usefixtures("earlier_run")
def test_earlier_runs_count_although_their_rows_are_deleted(engine: Engine, maker: Maker) -> None:
    assert delete_runs(engine, MONDAY - timedelta(days=30)) == 1
    planner(engine, maker, slack=DAILY).plan(MONDAY)
    assert keys(engine) == [(MessageKind.DAILY, "2026-03-02", "slack")]
