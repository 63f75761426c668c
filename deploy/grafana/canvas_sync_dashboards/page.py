"""A dashboard put together: its rows, laid out from left to right, its variables and links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders.dashboard import Dashboard, DashboardLink, TimePicker
from grafana_foundation_sdk.models import dashboard as models

from .variables import Variable

__all__ = ["Page", "Placed", "Row", "half", "quarter", "third", "whole"]

_COLUMNS: Final = 24
_TAG: Final = "canvas-sync"


@dataclass(frozen=True, slots=True)
class Placed:
    """A panel with its size in Grafana's grid, which is 24 wide."""

    panel: models.Panel
    width: int
    height: int


def quarter(panel: models.Panel) -> Placed:
    """Make it a quarter of a row: for a number."""
    return Placed(panel, 6, 5)


def third(panel: models.Panel) -> Placed:
    """Make it a third of a row: for horizontal bars or a small table."""
    return Placed(panel, 8, 9)


def half(panel: models.Panel) -> Placed:
    """Make it half of a row: for values over time."""
    return Placed(panel, 12, 9)


def whole(panel: models.Panel, height: int = 11) -> Placed:
    """Make it a whole row: for tables, logs and traces."""
    return Placed(panel, _COLUMNS, height)


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under a heading, left to right, as many in a line as fit."""

    title: str
    panels: tuple[Placed, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A dashboard.

    Attributes:
        uid: In its URL.
        title: Of the dashboard.
        description: What it answers.
        variables: What the reader can choose.
        rows: Top to bottom.
        since: Where the time shown at first begins.
    """

    uid: str
    title: str
    description: str
    variables: tuple[Variable, ...]
    rows: tuple[Row, ...]
    since: str = "now-24h"

    def build(self) -> models.Dashboard:
        """Build the SDK object."""
        builder = (
            Dashboard(self.title)
            .uid(self.uid)
            .description(self.description)
            .tags([_TAG])
            .readonly()
            .tooltip(models.DashboardCursorSync.CROSSHAIR)
            .time(self.since, "now")
            .timezone("browser")
            .refresh("30s")
            .timepicker(TimePicker().refresh_intervals(["10s", "30s", "1m", "5m", "15m"]))
            .variables(list(self.variables))
            .link(_to_the_others())
        )
        built = builder.build()
        built.panels = list(_laid_out(self.rows))
        return built


def _to_the_others() -> DashboardLink:
    link = DashboardLink("Canvas Sync").type(models.DashboardLinkType.DASHBOARDS)
    return link.tags([_TAG]).as_dropdown(True).keep_time(True).include_vars(True)


def _laid_out(rows: tuple[Row, ...]) -> Iterator[models.Panel | models.RowPanel]:
    """Number and position every row and panel."""
    number, top = 1, 0
    for row in rows:
        yield models.RowPanel(
            title=row.title,
            collapsed=False,
            panels=[],
            id_val=number,
            grid_pos=models.GridPos(h=1, w=_COLUMNS, x=0, y=top),
        )
        number, left, line, top = number + 1, 0, 0, top + 1
        for placed in row.panels:
            if left + placed.width > _COLUMNS:
                left, line, top = 0, 0, top + line
            placed.panel.id_val = number
            placed.panel.grid_pos = models.GridPos(h=placed.height, w=placed.width, x=left, y=top)
            yield placed.panel
            number, left, line = number + 1, left + placed.width, max(line, placed.height)
        top += line
