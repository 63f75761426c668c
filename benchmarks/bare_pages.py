"""Serves pages without content by Flask and waitress: ``/5000`` has 5,000 bytes of HTML.

It is the peer of ``web_pages.py``. Started as ``python bare_pages.py``, it prints its address.
"""

from __future__ import annotations

import argparse
import socket

from flask import Flask, Response
from waitress import serve

app = Flask(__name__)


@app.get("/<int:size>")
def page(size: int) -> Response:
    """Answer with so many bytes."""
    return Response("x" * size, mimetype="text/html")


if __name__ == "__main__":
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    listening = socket.create_server(("127.0.0.1", 0))
    print(f"http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    serve(app, sockets=[listening], threads=16)
