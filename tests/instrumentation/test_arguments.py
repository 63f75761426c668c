"""Arguments of the tracker that are wrong or must be cleaned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import pytest

from canvas_sync_core.errors import TrackerMisuseError
from canvas_sync_core.events import DbOperation, Event, ItemCounts, Progressed, RunEnded
from canvas_sync_core.names import RunStatus
from canvas_sync_instrumentation.testing import FixedClock, recorded_events
from canvas_sync_instrumentation.tracker import CanvasSyncMetricsTracker

E = TypeVar("E")


@pytest.fixture
def events() -> Iterator[list[Event]]:
    with recorded_events(FixedClock()) as recorded:
        yield recorded


@pytest.fixture
def production_events() -> Iterator[list[Event]]:
    with recorded_events(FixedClock(), strict=False) as recorded:
        yield recorded


def only(kind: type[E], events: list[Event]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def ended(events: list[Event]) -> RunEnded:
    (event,) = only(RunEnded, events)
    return event


def test_metadata_is_plain_bounded_and_without_secrets(events: list[Event]) -> None:
    metadata = {"school": "North", "note": "mail to ann@school.example", "at": {"deep": [1, {2}]}}
    with CanvasSyncMetricsTracker("t1", 42, metadata=metadata):
        pass
    stored = ended(events).snapshot.metadata
    assert stored["school"] == "North"
    assert "ann@school.example" not in str(stored)
    assert stored["at"] == {"deep": [1, [2]]}


def test_a_value_whose_key_names_a_secret_is_removed(events: list[Event]) -> None:
    metadata = {"canvas": {"access_token": "Qx1", "apiKey": "Qx2"}, "db_password": "Qx3", "n": 1}
    with CanvasSyncMetricsTracker("t1", 42, metadata=metadata):
        pass
    stored = ended(events).snapshot.metadata
    assert "Qx" not in str(stored)
    assert stored["n"] == 1


@pytest.mark.parametrize("ids", [("ann@a.example", "bob@a.example"), ("x" * 300, "x" * 301)])
def test_ids_that_cannot_be_recorded_stay_distinct(
    production_events: list[Event], ids: tuple[str, str]
) -> None:
    for task_id in ids:
        with CanvasSyncMetricsTracker(task_id, 42):
            pass
    first, second = (event.context.task_id for event in only(RunEnded, production_events))
    assert first != second
    assert not {first, second} & set(ids)
    assert max(map(len, (first, second))) <= 255


MISUSES: list[Callable[[CanvasSyncMetricsTracker], object]] = [
    lambda run: run.record_course(-1),
    lambda run: run.record_course(1.5),  # type: ignore[arg-type]
    lambda run: run.record_course(True),
    lambda run: run.record_course(created=True, updated=True),
    lambda run: run.progress(140),
    lambda run: run.progress(-1),
    lambda run: run.progress(float("nan")),
    lambda run: run.record_api_call("GET", "/api/v1/courses", 200, -1),
    lambda run: run.record_api_call("GET", "/api/v1/courses", 200, float("inf")),
    lambda run: run.record_db_operation("CREATE", "Course", -2),
    lambda run: run.record_db_operation("CREATE", "Course", 2, float("nan")),
]


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_wrong_argument_raises_a_clear_error_in_strict_mode(
    events: list[Event], misuse: Callable[[CanvasSyncMetricsTracker], object]
) -> None:
    with CanvasSyncMetricsTracker("t1", 42) as run:
        with pytest.raises(TrackerMisuseError, match=r"must be|use one of|is in seconds"):
            misuse(run)
        assert run.status is RunStatus.RUNNING


@pytest.mark.parametrize("misuse", MISUSES)
def test_a_wrong_argument_is_logged_once_in_production_and_harmless(
    production_events: list[Event],
    misuse: Callable[[CanvasSyncMetricsTracker], object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with CanvasSyncMetricsTracker("t1", 42) as run:
        misuse(run)
        misuse(run)
    snapshot = ended(production_events).snapshot
    assert snapshot.status is RunStatus.SUCCESS
    assert snapshot.items["course"] == ItemCounts()
    assert len(caplog.records) == 1
    assert all(0 <= event.percent <= 100 for event in only(Progressed, production_events))


@pytest.mark.parametrize("user", ["ann@school.example", 4.5, True, object(), 2**63, "9" * 19])
def test_a_user_id_that_is_not_a_number_is_omitted_in_production(
    production_events: list[Event], user: int
) -> None:
    with CanvasSyncMetricsTracker("t1", user):
        pass
    assert ended(production_events).snapshot.user_id is None


class Unreadable(Mapping[str, str]):
    """A mapping that fails when it is read."""

    def __getitem__(self, key: str) -> str:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("closed")

    def __len__(self) -> int:
        return 1


WRONG_ARGUMENTS: list[dict[str, Any]] = [
    {"linked_to": 5},
    {"linked_to": [("traceparent", "00-1-2-01")]},
    {"linked_to": Unreadable()},
    {"metadata": 5},
    {"metadata": Unreadable()},
]


@pytest.mark.parametrize("arguments", WRONG_ARGUMENTS)
def test_an_unreadable_mapping_is_logged_in_production_and_omitted(
    production_events: list[Event], arguments: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with CanvasSyncMetricsTracker("t1", 42, **arguments):
        pass
    assert ended(production_events).snapshot.status is RunStatus.SUCCESS
    assert [f"{next(iter(arguments))} must be a mapping" in text for text in caplog.messages] == [
        True
    ]


@pytest.mark.usefixtures("events")
@pytest.mark.parametrize("arguments", WRONG_ARGUMENTS)
def test_an_unreadable_mapping_raises_in_strict_mode(
    arguments: dict[str, Any],
) -> None:
    with pytest.raises(TrackerMisuseError, match="must be a mapping"):
        CanvasSyncMetricsTracker("t1", 42, **arguments)


@pytest.mark.parametrize(
    ("operation", "word"),
    [
        ("bulk insert", "BULK INSERT"),
        ("select 'Ada Smith'", "SELECT"),
        ("call enroll('Ada Smith')", "CALL ENROLL"),
        ("'Ada Smith'", "other"),
    ],
)
def test_only_the_words_before_any_value_of_an_operation_are_recorded(
    events: list[Event], operation: str, word: str
) -> None:
    with CanvasSyncMetricsTracker("t1", 42) as run:
        run.record_db_operation(operation, "users")
    assert [each.operation for each in events if isinstance(each, DbOperation)] == [word]
