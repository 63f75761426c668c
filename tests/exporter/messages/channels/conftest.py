"""The browser that renders e-mails."""

from __future__ import annotations

from support.pages import browser

__all__ = ["browser"]
