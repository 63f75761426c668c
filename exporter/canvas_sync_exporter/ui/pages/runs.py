"""Every run, with filters, counts of what could be filtered by, and exports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from flask import Response

from canvas_sync_core.store import queries
from canvas_sync_core.store.run_facets import RunFacets, run_facets
from canvas_sync_core.store.run_filter import RunFilter
from canvas_sync_core.store.run_search import RunSearchPage, search_runs
from canvas_sync_core.store.runs import RunRow
from canvas_sync_exporter.ui.page import Feed, Page
from canvas_sync_exporter.ui.responses import PageResponse
from canvas_sync_exporter.ui.view import View
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.cursors import cursor_problems
from canvas_sync_exporter.web.formats import Format, encode_list, list_response
from canvas_sync_exporter.web.parameters import text
from canvas_sync_exporter.web.problems import FieldError, ProblemError
from canvas_sync_exporter.web.runs_api import RUN_FILTERS

__all__ = ["PAGE", "Runs"]

_LIMIT: Final = 50
_COUNT_SECONDS: Final = 0.05
"""The list is what people wait for, so that counting rows must not keep it for long."""
_COMMON: Final = frozenset({"from", "to", "tz"})
_FILTERS: Final = tuple(each for each in RUN_FILTERS if each.name not in _COMMON)
_PARAMETERS: Final = (*_FILTERS, text("cursor", "`next` of the previous page.", 500))
_FIELDS: Final = (
    ("user_id", "User", "47"),
    ("course_id", "Course", "101"),
    ("host", "Machine", "sync-1"),
    ("error_type", "Error", "http_502"),
    ("min_duration", "Took at least", "5m"),
    ("max_duration", "Took at most", "1h30m"),
)
_NUMBER: Final = re.compile("[0-9]{1,18}")
_LONGEST_ID: Final = 300
_WITHOUT_FACET: Final = ("user_id", "course_id", "min_duration", "max_duration", "suspect")


@dataclass(frozen=True, slots=True)
class Choice:
    """A value that the list can be filtered by.

    Attributes:
        runs: Number of runs with this value that match the other filters.
        is_chosen: Whether the list is filtered by it.
        url: The page with this filter added or removed.
    """

    value: str
    runs: int
    is_chosen: bool
    url: str


@dataclass(frozen=True, slots=True)
class Runs:
    """Everything on the page.

    Attributes:
        runs: A page of the runs, newest first.
        facets: How many runs match, by status, sync type, machine and error.
    """

    runs: RunSearchPage
    facets: RunFacets

    fields = _FIELDS

    def has_more_filters(self, view: View) -> bool:
        """Return whether the list is filtered by something that has no facet."""
        return any(name in view.query for name in _WITHOUT_FACET)

    def choices(self, view: View, name: str) -> Sequence[Choice]:
        """Return the values of a facet as links that add a filter or remove it."""
        chosen = view.values[name]
        chosen_values = list(chosen) if isinstance(chosen, tuple) else [chosen] if chosen else []
        is_repeatable = isinstance(chosen, tuple)
        found = {each.value: each.runs for each in getattr(self.facets, name).values}
        return [
            Choice(
                value,
                found.get(value, 0),
                value in chosen_values,
                view.here(**{name: _toggled(chosen_values, value, is_repeatable)}, cursor=None),
            )
            for value in dict.fromkeys([*chosen_values, *found])
        ]


def runs(context: WebContext, view: View) -> Runs:
    """Read everything on the page."""
    facets = run_facets(context.engine, _filter(view), seconds=_COUNT_SECONDS)
    return Runs(_page(context, view), facets)


def export_csv(context: WebContext, view: View) -> Response:
    """Answer with the runs of the page as CSV."""
    return list_response(encode_list(_page(context, view), Format.CSV), "runs")


def export_ndjson(context: WebContext, view: View) -> Response:
    """Answer with the runs of the page as one line of JSON each."""
    return list_response(encode_list(_page(context, view), Format.NDJSON), "runs")


def run_of_task(context: WebContext, view: View) -> Response:
    """Lead from a task id to the page of its run."""
    run = queries.run_by_task(context.engine, view.values["task_id"])
    # Relative to the folder `runs/task/`, even if the task id contains percent-encoded slashes.
    return _lead_to(run, view, "../../", "this task id")


def find_run(context: WebContext, view: View) -> Response:
    """Lead from a task id or a number, as somebody types them, to the page of the run."""
    typed = (view.values["run"] or "").strip()
    run = queries.run_by_task(context.engine, typed)
    if run is None and _NUMBER.fullmatch(typed):
        run = queries.run_by_id(context.engine, int(typed))
    return _lead_to(run, view, view.root, f"the number or task id {typed}")


def _lead_to(run: RunRow | None, view: View, root: str, wanted: str) -> Response:
    if run is None:
        raise ProblemError(404, f"There is no run with {wanted}. It may have been deleted.")
    location = f"{root}{view.run_url(run.id).removeprefix(view.root)}"
    return PageResponse(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def _page(context: WebContext, view: View) -> RunSearchPage:
    with cursor_problems():
        return search_runs(context.engine, _filter(view), _LIMIT, view.values["cursor"])


def _filter(view: View) -> RunFilter:
    values: dict[str, Any] = {name: view.values[name] for name, _, _ in _FIELDS}
    shortest, longest = values["min_duration"], values["max_duration"]
    if shortest is not None and longest is not None and shortest > longest:
        wrong = FieldError("max_duration", "use at least min_duration")
        raise ProblemError(422, "The range of durations is empty.", errors=[wrong])
    return RunFilter(
        statuses=view.values["status"],
        sync_types=view.values["sync_type"],
        is_suspect=view.values["suspect"],
        since=view.period.since,
        until=None if view.period.is_open else view.period.until,
        **values,
    )


def _toggled(chosen: Sequence[str], value: str, is_repeatable: bool) -> list[str]:
    if value in chosen:
        return [each for each in chosen if each != value]
    return [*chosen, value] if is_repeatable else [value]


PAGE: Final = Page(
    "runs",
    "runs",
    "Runs",
    "ui/runs.html",
    runs,
    parameters=_PARAMETERS,
    feeds=(
        Feed("runs_csv", "runs/export.csv", export_csv, _PARAMETERS),
        Feed("runs_ndjson", "runs/export.ndjson", export_ndjson, _PARAMETERS),
        Feed(
            "run_of_task",
            "runs/task/<path:task_id>",
            run_of_task,
            (text("task_id", "Task id of the run.", _LONGEST_ID, in_path=True),),
        ),
        Feed(
            "find_run",
            "runs/find",
            find_run,
            (text("run", "Number or task id of the run.", _LONGEST_ID),),
        ),
    ),
)
