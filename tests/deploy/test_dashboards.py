"""The dashboards in the repository: generated, complete, legible."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from canvas_sync_dashboards import dashboards
from support.grafana import DASHBOARDS, GRAFANA, panels

PANELS = [
    pytest.param(panel, id=f"{uid}: {panel['title']}")
    for uid, dashboard in DASHBOARDS.items()
    for panel in panels(dashboard)
]


def test_the_files_are_what_make_dashboards_writes() -> None:
    written = {path.name: path.read_text() for path in (GRAFANA / "dashboards").glob("*.json")}

    assert written == dashboards()


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_a_dashboard_is_known_by_the_name_of_its_file(uid: str) -> None:
    assert DASHBOARDS[uid]["uid"] == uid
    assert DASHBOARDS[uid]["editable"] is False


def test_titles_tell_dashboards_apart() -> None:
    assert len({dashboard["title"] for dashboard in DASHBOARDS.values()}) == 5


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_says_what_it_shows(panel: dict[str, Any]) -> None:
    defaults = panel["fieldConfig"]["defaults"]

    assert panel["title"]
    assert panel["description"].endswith(".")
    assert defaults["unit"]
    assert defaults["thresholds"]["steps"][0]["value"] is None
    assert panel["targets"]


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_is_large_enough_for_a_laptop(panel: dict[str, Any]) -> None:
    assert panel["gridPos"]["w"] >= 6
    assert panel["gridPos"]["h"] >= 5


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_panels_neither_overlap_nor_exceed_the_width(uid: str) -> None:
    covered = [cell for panel in DASHBOARDS[uid]["panels"] for cell in cells(panel["gridPos"])]

    assert len(covered) == len(set(covered))
    assert all(0 <= column < 24 for column, _ in covered)


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_every_panel_has_a_number_of_its_own(uid: str) -> None:
    numbers = [panel["id"] for panel in DASHBOARDS[uid]["panels"]]

    assert len(numbers) == len(set(numbers))


@pytest.mark.parametrize("uid", DASHBOARDS)
def test_titles_tell_panels_apart_within_their_row(uid: str) -> None:
    row = ""
    seen = set()
    for panel in DASHBOARDS[uid]["panels"]:
        row = panel["title"] if panel["type"] == "row" else row
        assert (row, panel["type"], panel["title"]) not in seen
        seen.add((row, panel["type"], panel["title"]))


def cells(place: dict[str, int]) -> list[tuple[int, int]]:
    """The cells of the grid that a panel covers."""
    columns = range(place["x"], place["x"] + place["w"])
    return list(itertools.product(columns, range(place["y"], place["y"] + place["h"])))
