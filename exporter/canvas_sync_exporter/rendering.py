"""Renders the templates of pages and charts; whatever is put into them is escaped.

Control characters are escaped too, also those that change the direction of text: a log line cannot
look like another.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from canvas_sync_core.files.sanitizing import escape_controls

from .formatting import format_code, format_number, format_percent, format_seconds, format_size

__all__ = ["TEMPLATES", "breakable", "render"]

TEMPLATES: Final = Path(__file__).parent / "templates"


def render(template: str, **values: object) -> Markup:
    """Fill a template in.

    Flask's environment is not used: in a user's app it has the filters and globals of that app.

    Args:
        template: Its path below the folder of templates.
        values: What the template names. A text is escaped, and ``Markup`` is not.
    """
    return Markup(_environment().get_template(template).render(values))  # noqa: S704 - autoescaped


def breakable(text: str) -> Markup:
    """Escape a text and let routes and paths in it wrap after their slashes."""
    return escape(escape_controls(text)).replace("/", Markup("/<wbr>"))


_FILTERS: Final = {
    "breakable": breakable,
    "number": format_number,
    "percent": format_percent,
    "seconds": format_seconds,
    "size": format_size,
    "words": format_code,
}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_without_controls,
    )
    filters: dict[str, Any] = environment.filters
    filters.update(_FILTERS)
    return environment


def _without_controls(value: object) -> object:
    return escape_controls(value) if type(value) is str else value
