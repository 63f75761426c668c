"""``make dashboards``: write every dashboard as JSON into ``deploy/grafana/dashboards``."""

from __future__ import annotations

from pathlib import Path

from . import dashboards

for name, text in dashboards().items():
    (Path(__file__).parents[1] / "dashboards" / name).write_text(text, encoding="utf-8")
