"""A served exporter."""

from support.pages import site

__all__ = ["site"]
