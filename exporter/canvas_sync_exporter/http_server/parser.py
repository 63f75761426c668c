"""Parses requests; malformed ones are refused immediately, with a specific error."""

from __future__ import annotations

import re
from typing import Any, Final

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.utilities import BadRequest

__all__ = ["RequestParser"]

_TOKEN_BYTE: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]")  # RFC 9110, 5.6.2
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_CONTROL: Final = re.compile(r"[\x00-\x20\x7f]")
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST: Final = re.compile(r"([A-Za-z0-9._~!$&'()*+;=%-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]*)?")
_SHOWN: Final = 200


class UriTooLong(BadRequest):
    """The response to a request line that exceeds the limit for all headers."""

    code = 414
    reason = "URI Too Long"


class RequestTimeout(BadRequest):
    """The response to a request that does not end in time."""

    code = 408
    reason = "Request Timeout"


class RequestParser(HTTPRequestParser):
    """Collects a request, and is stricter than waitress about malformed ones.

    Attributes:
        request_uri: The URI as it was sent, as Latin-1.
        path: Its path, decoded, as Latin-1.
    """

    request_uri: str
    path: str

    def received(self, data: bytes) -> int:
        """Process bytes of the request; return how many belong to it."""
        in_first_line = self.body_rcv is None and b"\r\n" not in self.header_plus.lstrip() + data
        consumed = super().received(data)
        if not self.headers_finished and not self.completed:
            self._refuse_early()
        if self.error is not None:
            if self.error.code == 431 and in_first_line:
                self.error = UriTooLong(self.error.body)
            self.error.body = self.error.body[:_SHOWN]
        if self.completed:
            self.expect_continue = False  # waitress would wait for a body after its "100 Continue"
        return consumed

    def refuse(self, error: Any) -> None:
        """End the request with an error response."""
        self.error = error
        self.completed = True
        self.expect_continue = False

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the first line and the headers.

        Raises:
            ParsingError: They are malformed.
        """
        if not header_plus.partition(b"\r\n")[0].isascii():
            raise ParsingError("The request line has characters beyond ASCII; percent-encode them.")
        try:
            super().parse_header(header_plus)
        except ValueError as error:  # a URI that urlsplit refuses, a number of thousands of digits
            raise ParsingError(f"The request is malformed: {error}") from error
        problem = _problem_of_target(self.request_uri, self.path) or self._problem_of_headers()
        if problem:
            raise ParsingError(problem)

    def _refuse_early(self) -> None:
        """Refuse bytes that can never become a request, so that no client waits forever."""
        begun = self.header_plus.lstrip(b"\r\n")
        if begun and not _TOKEN_BYTE.match(begun):
            self.refuse(BadRequest("This is not HTTP; the exporter speaks HTTP without TLS."))
        elif _BARE_LF.search(self.header_plus):
            self.refuse(BadRequest("Each line must end with CR LF."))

    def _problem_of_headers(self) -> str | None:
        if self.version not in ("1.0", "1.1"):
            return "The request line must end with HTTP/1.1 or HTTP/1.0."
        host = self.headers.get("HOST")
        if host is None and self.version == "1.1":
            return "There is no Host header."  # RFC 9112, 3.2
        if host is not None and not _HOST.fullmatch(host):
            return "The Host header is malformed, or there is more than one."
        # RFC 9112, 6.1: request smuggling past a proxy that uses the other header.
        if self.chunked and "CONTENT_LENGTH" in self.headers:
            return "There are both Content-Length and Transfer-Encoding."
        if self.version == "1.0" and "TRANSFER_ENCODING" in self.headers:
            return "HTTP/1.0 has no Transfer-Encoding."
        return None


def _problem_of_target(target: str, path: str) -> str | None:
    if _CONTROL.search(target):
        return "There is a control character in the URI; percent-encode it."
    raw_path, _, _ = target.partition("?")
    if _BAD_ESCAPE.search(raw_path):
        return "In the URI a % must be followed by two hexadecimal digits; %25 stands for a %."
    try:
        path.encode("latin-1").decode()
    except UnicodeDecodeError:
        return "The path is not UTF-8, percent-encoded."
    if path and not path.startswith("/") and target != "*":
        return "The path must begin with a slash."
    return None
