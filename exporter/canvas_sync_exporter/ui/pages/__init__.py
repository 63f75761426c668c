"""All pages, in the order of the navigation. A page is one module here and one template."""

from __future__ import annotations

from typing import Final

from canvas_sync_exporter.ui.page import Page

from . import (
    canvas,
    incidents,
    logs,
    message_preview,
    messages,
    overview,
    performance,
    run,
    runs,
    upkeep,
)

__all__ = ["PAGES"]

PAGES: Final[tuple[Page, ...]] = (
    overview.PAGE,
    runs.PAGE,
    run.PAGE,
    incidents.PAGE,
    logs.PAGE,
    canvas.PAGE,
    performance.PAGE,
    upkeep.PAGE,
    messages.PAGE,
    message_preview.PAGE,
)
