"""Reads a request for a page into a :class:`View`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from flask import Request
from werkzeug.datastructures import MultiDict

from canvas_sync_exporter.web.parameters import (
    Parameter,
    choice,
    read_parameters,
    require_proper_encoding,
    text,
    zone,
)

from .page import Feed, Page
from .period import read_period
from .view import View
from .visitors import Visitor

__all__ = ["is_browser", "make_view", "wants_json"]


class _Format(StrEnum):
    HTML = "html"
    JSON = "json"


_FROM: Final = text("from", "Start: a date, a time, or an age such as 24h.", 60)
_TO: Final = text("to", "End: the same; now when it is not given.", 60)
_ZONE: Final = zone("tz", "IANA name of the time zone of the page.")
_FORMAT: Final = choice("format", "`json` for the figures of the page.", _Format)
_DONE: Final = text("done", "The action that has just been done.", 100)
_ANY_PERIOD: Final = "7d"
_COMMON: Final = (_FROM, _TO, _ZONE, _FORMAT, _DONE)


def make_view(
    page: Page,
    request: Request,
    visitor: Visitor,
    home_zone: dt.tzinfo,
    *,
    path: Mapping[str, str],
    prefix: str,
    feed: Feed | None = None,
) -> View:
    """Read a request.

    Args:
        page: The page.
        request: The request.
        visitor: Who sends it.
        home_zone: The time zone of the page unless it is given.
        path: The values in the path.
        prefix: Where the pages are mounted in the app: empty, or such as ``/canvas-sync``.
        feed: What is asked for instead of the page.

    Raises:
        ProblemError: 422, with every parameter that is wrong.
    """
    require_proper_encoding(request.environ["PATH_INFO"], request.query_string)
    given = MultiDict(pair for pair in request.args.items(multi=True) if pair[1])
    parameters: tuple[Parameter, ...] = (page if feed is None else feed).parameters
    values = read_parameters((*parameters, *_COMMON), path, given)
    now = dt.datetime.now(dt.UTC)
    chosen = values["tz"] if "tz" in given else home_zone
    since = values["from"] or page.period or _ANY_PERIOD
    period = read_period(since, values["to"] or "", now, chosen)
    place = quote(request.path.removeprefix(prefix).lstrip("/"))
    return View(
        name=page.name,
        title=page.title,
        root="../" * place.count("/") or "./",
        path=place,
        query=_query_of_links(given),
        values=values,
        period=period,
        zone=chosen,
        home_zone=home_zone,
        now=now,
        visitor=visitor,
        done=values["done"] or "",
    )


def _query_of_links(given: MultiDict[str, str]) -> dict[str, str | list[str]]:
    """Return the parameters that the links of the page keep."""
    return {
        name: values[0] if len(values) == 1 else values
        for name, values in given.to_dict(flat=False).items()
        if name not in ("done", "format")
    }


def wants_json(request: Request) -> bool:
    """Return whether a request asks for JSON rather than for a page."""
    if wanted := request.args.get("format"):
        return wanted == _Format.JSON
    known = ["text/html", "application/json"]
    return request.accept_mimetypes.best_match(known) == "application/json"


def is_browser(request: Request) -> bool:
    """Return whether a request asks for a page by name; programs accept anything, or JSON."""
    accepted = request.accept_mimetypes
    return accepted.quality("text/html") > accepted.quality("application/json")
