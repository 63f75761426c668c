"""The endpoints about what is expected of syncs, and about pauses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from flask import request

from canvas_sync_core.store.start_times import StartTimes
from canvas_sync_exporter.judge.expectation import Expectation
from canvas_sync_exporter.judge.expectations import Expectations
from canvas_sync_exporter.judge.pauses import (
    active_pauses,
    add_pause,
    end_pause,
    new_pause,
)
from canvas_sync_exporter.schedules.pause import MAX_REASON, Pause

from .auth import Scope
from .context import WebContext
from .endpoint import Endpoint
from .parameters import whole_number
from .problems import DATABASE_AWAY, FieldError, ProblemError

__all__ = ["ExpectationApi", "ExpectationList", "PauseList", "PauseRequest", "PauseView"]

_PAUSE_ID = whole_number("pause_id", "Number of the pause.", 1, 2**63 - 1)
_Time = Annotated[dt.datetime, msgspec.Meta(tz=True)]


@dataclass(frozen=True, slots=True)
class ExpectationView:
    """What is expected of a sync type.

    Attributes:
        source: Where its schedule comes from: ``environment``, ``file`` or ``learned``.
        description: The schedule in words.
        next_due: When the next run is due; null when none is.
        grace_seconds: How late it may start.
        max_duration_seconds: How long a run may take; null if not configured.
        max_age_seconds: How old items may get, by kind.
        paused_until: When the current pause ends; null if the sync type is not paused.
    """

    sync_type: str
    source: str
    description: str
    next_due: dt.datetime | None
    grace_seconds: float
    max_duration_seconds: float | None
    max_age_seconds: dict[str, float]
    paused_until: dt.datetime | None


@dataclass(frozen=True, slots=True)
class ExpectationList:
    """What is expected of each sync type, by name."""

    items: list[ExpectationView]


@dataclass(frozen=True, slots=True)
class PauseView:
    """A pause.

    Attributes:
        id: Null for a pause in the configuration file, which can only be ended there.
        sync_types: The paused sync types; empty for all.
        start: When it begins.
        end: When it ends, exclusive.
        author: Who set it; null for a pause in the configuration file.
        in_force: Whether it is active now.
    """

    id: int | None
    sync_types: list[str]
    start: dt.datetime
    end: dt.datetime
    reason: str
    author: str | None
    in_force: bool

    @classmethod
    def of(cls, pause: Pause, now: dt.datetime) -> PauseView:
        """Make the view of a pause."""
        return cls(
            id=pause.id,
            sync_types=sorted(pause.sync_types),
            start=pause.start,
            end=pause.end,
            reason=pause.reason,
            author=pause.author,
            in_force=pause.start <= now < pause.end,
        )


@dataclass(frozen=True, slots=True)
class PauseList:
    """The active and upcoming pauses, ordered by start."""

    items: list[PauseView]


class PauseRequest(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"start": "from"}
):
    """A new pause: until when, why, of which sync types (all when there are none), from when."""

    until: _Time
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_REASON)]
    sync_types: Annotated[list[str], msgspec.Meta(max_length=100)] = []
    start: _Time | None = None


class ExpectationApi:
    """Answers from the settings, the configuration file, the past runs and the table of pauses.

    Args:
        context: Where they are, and who may ask.
    """

    def __init__(self, context: WebContext) -> None:
        self._engine = context.engine
        self._access = context.access
        self._file_pauses = context.configuration.file.pauses
        self._expectations = Expectations(context.configuration)
        self._start_times = StartTimes(context.engine)

    def endpoints(self) -> tuple[Endpoint, ...]:
        """The endpoints, in the order in which the documentation shows them."""
        return (
            Endpoint(
                "GET",
                "expectations",
                self.expectations,
                "When each sync type should run, and where that comes from",
                ExpectationList,
                tag="expectations",
                problems=DATABASE_AWAY,
            ),
            Endpoint(
                "GET",
                "pauses",
                self.pauses,
                "Active and upcoming pauses",
                PauseList,
                tag="expectations",
                problems=DATABASE_AWAY,
            ),
            Endpoint(
                "POST",
                "pauses",
                self.pause,
                "Expect no runs of some or all sync types for a while",
                PauseView,
                tag="expectations",
                scope=Scope.ADMIN,
                problems={
                    413: "The body is too long.",
                    415: "The content type is not JSON.",
                    **DATABASE_AWAY,
                },
                body=PauseRequest,
            ),
            Endpoint(
                "DELETE",
                "pauses/<pause_id>",
                self.end_pause,
                "End a pause now",
                PauseView,
                tag="expectations",
                parameters=(_PAUSE_ID,),
                scope=Scope.ADMIN,
                problems={404: "There is no such active or upcoming pause.", **DATABASE_AWAY},
            ),
        )

    def expectations(self) -> ExpectationList:
        """Return what is expected of each sync type."""
        now = _now()
        pauses = self._all_pauses(now)
        expected = self._expectations.at(now, self._start_times.read(now))
        return ExpectationList([_view(each, pauses, now) for each in expected])

    def pauses(self) -> PauseList:
        """List the pauses that have not ended."""
        now = _now()
        return PauseList([PauseView.of(pause, now) for pause in self._all_pauses(now)])

    def pause(self, body: PauseRequest) -> PauseView:
        """Set a pause."""
        now = _now()
        author = self._access.caller_name(request)
        start = body.start or now
        try:
            pause = new_pause(body.sync_types, start, body.until, body.reason, author, now=now)
        except ValueError as error:
            field, _, detail = str(error).partition(": ")
            wrong = FieldError(field, detail)
            raise ProblemError(422, f"The body is wrong: {error}.", errors=[wrong]) from error
        return PauseView.of(add_pause(self._engine, pause, now=now), now)

    def end_pause(self, pause_id: int) -> PauseView:
        """End a pause."""
        now = _now()
        author = self._access.caller_name(request)
        ended = end_pause(self._engine, pause_id, author, now=now)
        if ended is None:
            raise ProblemError(404, f"There is no active or upcoming pause {pause_id}.")
        return PauseView.of(ended, now)

    def _all_pauses(self, now: dt.datetime) -> list[Pause]:
        planned = (pause for pause in self._file_pauses if pause.end > now)
        pauses = [*planned, *active_pauses(self._engine, now)]
        return sorted(pauses, key=lambda pause: pause.start)


def _view(expected: Expectation, pauses: Sequence[Pause], now: dt.datetime) -> ExpectationView:
    in_force = [pause.end for pause in pauses if pause.covers(expected.sync_type, now)]
    longest = expected.max_duration
    return ExpectationView(
        sync_type=expected.sync_type,
        source=expected.source,
        description=expected.schedule.describe(),
        next_due=expected.schedule.next_due(now),
        grace_seconds=expected.grace.total_seconds(),
        max_duration_seconds=longest.total_seconds() if longest else None,
        max_age_seconds={item: age.total_seconds() for item, age in expected.max_age.items()},
        paused_until=max(in_force, default=None),
    )


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)
