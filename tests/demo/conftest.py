"""The demo's tests all know the simulated Canvas."""

from __future__ import annotations

from support.canvas import canvas_server

__all__ = ["canvas_server"]
