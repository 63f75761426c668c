"""A served exporter and a browser."""

from support.pages import browser, site

__all__ = ["browser", "site"]
