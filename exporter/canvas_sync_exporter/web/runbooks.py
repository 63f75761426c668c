"""The runbooks of the alerts as plain pages, for whoever follows an alert's link.

They say nothing about this machine, so that they are shown without a token, as the documentation
of the REST API is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from flask import Blueprint, Response
from markdown_it import MarkdownIt

from .problems import ProblemError

__all__ = ["RUNBOOKS", "runbooks_blueprint"]

RUNBOOKS: Final = Path(__file__).parents[1] / "runbooks"
"""In a checkout a link to ``docs/runbooks``, in an installed package a folder of its own."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}: runbook</title>
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 1rem }}
pre {{ background: #f4f4f4; padding: .75rem; overflow-x: auto }}
code {{ font-family: ui-monospace, monospace; font-size: .9em }}
td, th {{ text-align: left; vertical-align: top; padding: .25rem 1rem .25rem 0 }}
</style>
</head>
<body>
{body}</body>
</html>
"""
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
        file = _files().get(name)  # looked up, not made: no name leads out of the folder
        if file is None:
            raise ProblemError(404, "There is no such runbook; /runbooks/ lists all.")
        return _page(name, file.read_text(encoding="utf-8"))

    return blueprint


def _files() -> dict[str, Path]:
    return {file.stem: file for file in RUNBOOKS.glob("*.md")}


def _page(title: str, markdown: str) -> Response:
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    headers = {"Content-Security-Policy": _POLICY}
    return Response(_PAGE.format(title=title, body=body), headers=headers, mimetype="text/html")
