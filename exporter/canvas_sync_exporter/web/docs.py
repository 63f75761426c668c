"""The OpenAPI document rendered by Swagger UI, all files from this machine."""

from __future__ import annotations

from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, send_file, send_from_directory

from canvas_sync_exporter.rendering import render

__all__ = ["add_docs"]

_FILES = Path(flask_swagger_ui.__file__).parent / "dist"
_SERVED = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
_START = Path(__file__).parent / "static" / "docs" / "start.js"
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def add_docs(blueprint: Blueprint) -> None:
    """Add the page ``docs`` and its files to a blueprint that also has ``openapi_json``."""

    @blueprint.get("/docs")
    def docs() -> Response:
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return Response(render("web/docs.html"), headers=headers, mimetype="text/html")

    @blueprint.get("/docs/start.js")
    def docs_start() -> Response:
        return send_file(_START, mimetype="text/javascript")

    @blueprint.get(f"/docs/<any({', '.join(repr(name) for name in _SERVED)}):name>")
    def docs_file(name: str) -> Response:
        return send_from_directory(_FILES, name, max_age=3600)
