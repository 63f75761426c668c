"""A connection to a mail server, bounded in time and in the size of its answers."""

from __future__ import annotations

import ssl
from smtplib import SMTP, SMTP_SSL
from typing import IO, Any, Final

from canvas_sync_exporter.config_file.channels import Security

from .deadline import Deadline

__all__ = ["connect"]

_SILENCE_SECONDS: Final = 15.0
"""How long to wait for the next bytes."""
_END_OF_MAIL: Final = b"\r\n.\r\n"
_LONGEST_CONVERSATION: Final = 256 * 1024


def connect(
    host: str, port: int, security: Security, context: ssl.SSLContext, deadline: Deadline
) -> SMTP:
    """Connect to a server, encrypted as the settings say.

    Args:
        host: The server.
        port: Its port.
        security: How the connection is encrypted.
        context: Verifies the server's certificate.
        deadline: Closes the connection when the time is over.

    Raises:
        SMTPException: The server's answer is an error, or it does not offer encryption.
        OSError: It cannot be reached, or its certificate is not valid.
    """
    if security is Security.TLS:
        return _EncryptedSmtp(deadline, host, port, timeout=_SILENCE_SECONDS, context=context)
    server = _PlainSmtp(deadline, host, port, timeout=_SILENCE_SECONDS)
    try:
        if security is Security.STARTTLS:
            server.starttls(context=context)
    except BaseException:
        server.close()
        raise
    return server


class _Bounded:
    """The answers of a server, up to a total size."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._rest = _LONGEST_CONVERSATION

    def readline(self, size: int = -1) -> bytes:
        line = self._stream.readline(size)
        self._rest -= len(line)
        if self._rest < 0:
            raise OSError("the answer is too long")
        return line

    def close(self) -> None:
        self._stream.close()


class _Watched(SMTP):
    """A connection that its deadline can close."""

    def __init__(self, deadline: Deadline, host: str, port: int, **options: Any) -> None:
        self._deadline = deadline
        super().__init__(host, port, **options)

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> Any:
        self._deadline.watch(lambda: self.sock)
        answer = super().connect(host, port, source_address)
        try:
            self._deadline.check()
        except TimeoutError:
            self.close()
            raise
        return answer

    def send(self, s: Any) -> None:
        super().send(s)
        if isinstance(s, bytes) and s.endswith(_END_OF_MAIL):
            self._deadline.has_sent = True

    def getreply(self) -> Any:
        if self.file is None and self.sock is not None:
            self.file = _Bounded(self.sock.makefile("rb"))
        return super().getreply()


class _PlainSmtp(_Watched):
    pass


class _EncryptedSmtp(_Watched, SMTP_SSL):
    pass
