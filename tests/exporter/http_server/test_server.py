"""The end of the server."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from contextlib import ExitStack, closing
from http.client import HTTPConnection
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import pytest

from support.exporter_server import serving_as_exporter

_BODY = b"x" * 2_000_000
"""Long enough that it waits for its client in a temporary file."""


def _app(_environ: Any, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", str(len(_BODY)))])
    return [_BODY]


def test_temporary_files_of_long_answers_are_closed_with_the_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[BinaryIO] = []
    real = tempfile.TemporaryFile

    def noted(*arguments: Any, **options: Any) -> BinaryIO:
        made.append(real(*arguments, **options))
        return made[-1]

    monkeypatch.setattr("tempfile.TemporaryFile", noted)
    with ExitStack() as stack:
        with serving_as_exporter(_app) as url:
            client = HTTPConnection(urlsplit(url).netloc, timeout=60)
            stack.enter_context(closing(client))
            client.request("GET", "/")
            assert client.getresponse().read() == _BODY
        assert [file.closed for file in made] == [True] * len(made) != []
