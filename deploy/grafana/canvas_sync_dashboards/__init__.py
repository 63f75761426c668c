"""The Grafana dashboards as code; ``make dashboards`` writes ``deploy/grafana/dashboards``.

One dashboard per module. ``promql`` puts queries together, ``targets`` says whom they ask,
``panels`` and ``tables`` how the answer looks, ``page`` where it stands.
"""

from __future__ import annotations

import json

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from . import canvas_api, overview, run_explorer, stack_health, storage

__all__ = ["dashboards"]


def dashboards() -> dict[str, str]:
    """Make every dashboard: name of its file -> its JSON."""
    pages = (
        overview.page(),
        canvas_api.page(),
        storage.page(),
        run_explorer.page(),
        stack_health.page(),
    )
    return {
        f"{page.uid}.json": json.dumps(page.build(), cls=JSONEncoder, indent=2) + "\n"
        for page in pages
    }
