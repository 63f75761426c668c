"""Serves the runbooks of the alerts as simple pages, for the links in alerts.

They reveal nothing about this machine, so they need no token, like the REST API documentation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from flask import Blueprint, Response
from markdown_it import MarkdownIt
from werkzeug.exceptions import NotFound

from canvas_sync_exporter.rendering import render

__all__ = ["RUNBOOKS", "runbooks_blueprint"]

RUNBOOKS: Final = Path(__file__).parents[1] / "runbooks"
"""In a checkout a link to ``docs/runbooks``, in an installed package a folder."""

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'"
)


def runbooks_blueprint() -> Blueprint:
    """Make the blueprint that serves ``/runbooks/`` and a page for each alert."""
    blueprint = Blueprint("canvas_sync_runbooks", __name__, url_prefix="/runbooks")

    @blueprint.get("/")
    def runbooks() -> Response:
        links = "\n".join(f"- [{name}]({name})" for name in sorted(_files()))
        return _page("Runbooks", f"# Runbooks\n\n{links}")

    @blueprint.get("/<alert>")
    def runbook(alert: str) -> Response:
        name = alert.removesuffix(".md")  # as they link to each other
        # Looked up in a list, never built: no name leads out of the folder.
        file = _files().get(name)
        if file is None:
            raise NotFound("There is no such runbook; /runbooks/ lists all.")
        return _page(name, file.read_text(encoding="utf-8"))

    return blueprint


def _files() -> dict[str, Path]:
    return {file.stem: file for file in RUNBOOKS.glob("*.md")}


def _page(title: str, markdown: str) -> Response:
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    headers = {"Content-Security-Policy": _POLICY}
    page = render("web/runbook.html", title=title, body=body)
    return Response(page, headers=headers, mimetype="text/html")
