"""A mail server on loopback that keeps what it gets, and asks for user and password."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from .ports import unused_port

__all__ = ["Mailbox", "mailbox"]

_SECONDS = 600.0


class Mailbox:
    """What has arrived.

    Args:
        user: Who may deliver.
        password: Their password.
    """

    def __init__(self, user: str, password: str) -> None:
        self._login = LoginPassword(user.encode(), password.encode())
        self._arrived: queue.Queue[EmailMessage] = queue.Queue()

    def next(self) -> EmailMessage:
        """Wait for the next message."""
        return self._arrived.get(timeout=_SECONDS)

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object
    ) -> AuthResult:
        """Say whether somebody may deliver."""
        return AuthResult(success=data == self._login)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Keep a message of somebody who may deliver."""
        if not session.authenticated:
            return "530 Say who you are"
        content = envelope.content
        assert isinstance(content, bytes)
        self._arrived.put(message_from_bytes(content, policy=policy.default))
        return "250 OK"


@contextmanager
def mailbox(user: str, password: str) -> Iterator[tuple[str, Mailbox]]:
    """Run the server while the block lasts; gives its address and what arrives."""
    box = Mailbox(user, password)
    port = unused_port()
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=port,
        authenticator=box.authenticate,
        auth_require_tls=False,
        auth_exclude_mechanism=["LOGIN"],  # its prompts are not those that Alertmanager expects
    )
    controller.start()
    try:
        yield f"127.0.0.1:{port}", box
    finally:
        controller.stop()
