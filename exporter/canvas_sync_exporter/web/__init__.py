"""The exporter's web app, and its REST API for an app of your own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from canvas_sync_core.lazy import lazy_exports

if TYPE_CHECKING:
    from .app import (
        create_app as create_app,
        register_canvas_metrics_api as register_canvas_metrics_api,
    )

_EXPORTS: Final = {
    "canvas_sync_exporter.web.app": ("create_app", "register_canvas_metrics_api"),
}

__all__ = [name for names in _EXPORTS.values() for name in names]
__getattr__ = lazy_exports(__name__, _EXPORTS)
