"""``docs/how-to/dashboards.md`` names each dashboard and its rows."""

from __future__ import annotations

from support.grafana import DASHBOARDS
from support.markdown import DOCS, table


def test_each_dashboard_is_documented_with_its_rows() -> None:
    documented = table(DOCS / "how-to" / "dashboards.md", "dashboard")

    assert {name: cells[1] for name, cells in documented.items()} == {
        dashboard["title"]: ", ".join(
            panel["title"] for panel in dashboard["panels"] if panel["type"] == "row"
        )
        for dashboard in DASHBOARDS.values()
    }
