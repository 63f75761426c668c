"""One request for a page: its state from the query string, links, times, and who asks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, urlencode

from markupsafe import Markup

from canvas_sync_core.identifiers import host_name
from canvas_sync_exporter.web.auth import Scope
from canvas_sync_exporter.web.problems import Problem

from .period import PRESETS, Period
from .visitors import Visitor

__all__ = ["View", "ZoneChoice", "length", "zone_name"]

_CARRIED: Final = ("from", "to", "tz")
"""State that links to other pages carry along."""


@dataclass(frozen=True, slots=True)
class ZoneChoice:
    """A time zone that can be chosen: its name, and whether it is in use."""

    name: str
    is_current: bool


@dataclass(slots=True)
class View:
    """One request for a page.

    Attributes:
        name: Name of the page, as in the table of pages.
        title: Heading of the page.
        root: Relative URL of the root of all pages, such as ``../``.
        path: URL of this page from the root, without the query.
        query: The parameters as they were given, without empty ones; a list if repeated.
        values: The page's own parameters, parsed.
        period: The range of time.
        zone: The time zone of all times on the page.
        home_zone: The zone that the settings name.
        now: The time of the request.
        visitor: Who asks.
        problem: What was wrong with the form that was sent; None otherwise.
        form: The fields of that form.
        done: What an action has just done, in one sentence; empty otherwise.
        hosts: This page at the exporter of each host, by the name of the host.
    """

    name: str
    title: str
    root: str
    path: str
    query: Mapping[str, str | list[str]]
    values: Mapping[str, Any]
    period: Period
    zone: dt.tzinfo
    home_zone: dt.tzinfo
    now: dt.datetime
    visitor: Visitor
    problem: Problem | None = None
    form: Mapping[str, str] = field(default_factory=dict)
    done: str = ""
    hosts: Mapping[str, str] = field(default_factory=dict)

    def url(self, path: str = "", fragment: str = "", **query: object) -> str:
        """Return the relative URL of a page, with the range of time and the zone of this one.

        Args:
            path: From the root of the pages, such as ``runs/47``; percent-encode texts in it.
            fragment: The anchor on that page.
            query: Parameters; None leaves one out, a list repeats one, and a time is written in
                UTC. ``since`` stands for ``from``.
        """
        carried = {name: self.query[name] for name in _CARRIED if name in self.query}
        return self._join(path, {**carried, **_renamed(query)}, fragment)

    def within(self, path: str, **query: object) -> str:
        """Return the URL of a page as :meth:`url` does, and always with the range of this one.

        Pages have different default ranges, and figures of one would not be those of the other.
        """
        return self.url(path, "", since=self.query.get("from", self.period.preset), **query)

    def here(self, **query: object) -> str:
        """Return the relative URL of this page with some parameters changed; None removes one."""
        return self._join(self.path, {**self.query, **_renamed(query)}, "")

    def here_at(self, path: str) -> str:
        """Return the relative URL of a feed of this page, with all parameters of the page."""
        return self._join(path, self.query, "")

    @property
    def host(self) -> str:
        """The name of this host."""
        return host_name()

    def at(self, address: str) -> str:
        """Return the URL of this page at another exporter, whose lines have other positions."""
        return f"{address}/{self.here(cursor=None, position=None).removeprefix(self.root)}"

    def task_url(self, task_id: str) -> str:
        """Return the URL of the page of a run, by its task id."""
        return self.url(f"runs/task/{quote(task_id, safe='')}")

    def run_url(self, number: int) -> str:
        """Return the URL of the page of a run, by its number."""
        return self.url(f"runs/{number}")

    def incident_url(self, number: int) -> str:
        """Return the URL of an incident on the page of incidents, wherever it is in the list."""
        return self.url("incidents", f"incident-{number}", number=number)

    @property
    def fixed_url(self) -> str:
        """The URL of this page with fixed times instead of ages such as ``24h``."""
        return self.here(since=self.period.since, to=self.period.until, tz=self.zone_name)

    @property
    def given(self) -> Sequence[tuple[str, str]]:
        """The parameters that a form of this page sends along as hidden fields."""
        return [
            (name, value)
            for name, values in self.query.items()
            if name not in _CARRIED and name != "cursor"  # that is of the form's old values
            for value in ([values] if isinstance(values, str) else values)
        ]

    @property
    def presets(self) -> Sequence[tuple[str, str, bool]]:
        """Ranges of time that can be chosen: value, name, and whether it is in use."""
        return [(value, name, value == self.period.preset) for value, name in PRESETS.items()]

    @property
    def zones(self) -> Sequence[ZoneChoice]:
        """The time zones that can be chosen without JavaScript."""
        names = dict.fromkeys(("UTC", zone_name(self.home_zone), self.zone_name))
        return [ZoneChoice(name, name == self.zone_name) for name in names]

    @property
    def zone_name(self) -> str:
        """The IANA name of the time zone."""
        return zone_name(self.zone)

    def can(self, scope: str) -> bool:
        """Whether the visitor's scope covers ``scope``."""
        return self.visitor.scope.covers(Scope(scope))

    def time(self, moment: dt.datetime | None, *, seconds: bool = True) -> Markup:
        """Write a time in the zone of the page, such as ``2025-12-22 10:15:30``."""
        if moment is None:
            return Markup("-")
        local = moment.astimezone(self.zone)
        return self._element(moment, f"{local:%Y-%m-%d %H:%M:%S}"[: None if seconds else -3])

    def span(self, start: dt.datetime, end: dt.datetime) -> Markup:
        """Write a range of time to the minute; the end without its day if that is the same."""
        day, clock = f"{end.astimezone(self.zone):%Y-%m-%d %H:%M}".split()
        is_same = f"{start.astimezone(self.zone):%Y-%m-%d}" == day
        last = self._element(end, clock if is_same else f"{day} {clock}")
        return Markup("{} \N{EN DASH} {}").format(self.time(start, seconds=False), last)

    def ago(self, moment: dt.datetime | None) -> Markup:
        """Write how long ago a time was or how soon it is, such as ``34 min ago``."""
        if moment is None:
            return Markup("-")
        gone = self.now - moment
        return self._element(
            moment, f"in {length(-gone)}" if gone < dt.timedelta() else f"{length(gone)} ago"
        )

    def _element(self, moment: dt.datetime, text: str) -> Markup:
        title = f"{moment.astimezone(self.zone):%Y-%m-%d %H:%M:%S} {self.zone_name}"
        return Markup('<time datetime="{}" title="{}">{}</time>').format(
            _rfc3339(moment), title, text
        )

    def wrong(self, name: str) -> str:
        """Return what is wrong with a field of the form that was sent; empty if nothing is."""
        errors = () if self.problem is None else self.problem.errors
        return next((error.detail for error in errors if error.field == name), "")

    def _join(self, path: str, query: Mapping[str, object], fragment: str) -> str:
        known = {
            name: _exactly(value) if isinstance(value, dt.datetime) else value
            for name, value in query.items()
            if value not in (None, "", [])
        }
        text = f"?{urlencode(known, doseq=True)}" if known else ""
        anchor = f"#{quote(fragment)}" if fragment else ""
        return f"{self.root}{path}{text}{anchor}"


def zone_name(zone: dt.tzinfo) -> str:
    """Return the IANA name of a time zone."""
    return getattr(zone, "key", "UTC")


def length(span: dt.timedelta) -> str:
    """Write a length of time in its largest unit, such as ``34 min``."""
    seconds = max(0, int(span.total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _renamed(query: Mapping[str, object]) -> dict[str, object]:
    """Parameters by their names in the query: ``from`` is a keyword of Python."""
    return {"from" if name == "since" else name: value for name, value in query.items()}


def _exactly(moment: dt.datetime) -> str:
    """Write a time with its microseconds, because it may be where a list was cut."""
    return moment.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")


def _rfc3339(moment: dt.datetime) -> str:
    return f"{moment.astimezone(dt.UTC):%Y-%m-%dT%H:%M:%SZ}"
