"""HTTP over a socket, byte by byte: for what no client library would send."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import parse_headers
from io import BytesIO

__all__ = ["RawAnswer", "connected", "exchange", "read_to_end"]


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer as it came.

    Attributes:
        status: 0 when nothing came.
        body: Everything after the headers, even what should not be there.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@contextmanager
def connected(address: tuple[str, int], *, seconds: float = 30) -> Iterator[socket.socket]:
    """A connection whose operations time out after some seconds."""
    with socket.create_connection(address, timeout=seconds) as connection:
        yield connection


def exchange(address: tuple[str, int], request: bytes, *, half_close: bool = False) -> RawAnswer:
    """Send bytes on a connection of their own and read until the server closes it.

    Args:
        address: Of the server.
        request: What to send. A server that keeps connections open has to be told to close.
        half_close: Close the sending side when all is sent.
    """
    with connected(address) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        return read_to_end(connection)


def read_to_end(connection: socket.socket) -> RawAnswer:
    """Read an answer until the server closes the connection."""
    received = bytearray()
    while part := connection.recv(65536):
        received += part
    stream = BytesIO(bytes(received))
    status = stream.readline().split()
    if len(status) < 2:
        return RawAnswer(0, {}, bytes(received))
    headers = parse_headers(stream)
    return RawAnswer(int(status[1]), dict(headers.items()), stream.read())
