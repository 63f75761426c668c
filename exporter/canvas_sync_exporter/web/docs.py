"""The OpenAPI document rendered by Swagger UI, all files from this machine."""

from __future__ import annotations

from pathlib import Path

import flask_swagger_ui
from flask import Blueprint, Response, send_from_directory

__all__ = ["add_docs"]

_FILES = Path(flask_swagger_ui.__file__).parent / "dist"
_SERVED = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
# Links are relative: they hold below whatever path a proxy or an app has put the page.
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Canvas sync metrics: REST API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png">
</head>
<body>
<div id="swagger-ui" data-document="openapi.json"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_START = """window.ui = SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url: document.getElementById("swagger-ui").dataset.document,
  deepLinking: true,
  validatorUrl: null,
});
"""
_POLICY = (
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


def add_docs(blueprint: Blueprint) -> None:
    """Add the page ``docs`` and its files to a blueprint that also has ``openapi_json``."""

    @blueprint.get("/docs")
    def docs() -> Response:
        headers = {"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"}
        return Response(_PAGE, headers=headers, mimetype="text/html")

    @blueprint.get("/docs/start.js")
    def docs_start() -> Response:
        return Response(_START, mimetype="text/javascript")

    @blueprint.get(f"/docs/<any({', '.join(repr(name) for name in _SERVED)}):name>")
    def docs_file(name: str) -> Response:
        return send_from_directory(_FILES, name, max_age=3600)
