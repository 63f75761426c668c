"""A mail server on loopback, with encryption and logins, that answers as a test wants."""

from __future__ import annotations

import asyncio
import queue
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

__all__ = ["Delivery", "MailServer", "mail_server"]


@dataclass(frozen=True)
class Delivery:
    """An e-mail that was accepted.

    Attributes:
        sender: Of the envelope.
        recipients: Of the envelope.
        mail: The e-mail.
        is_encrypted: Whether it came over an encrypted connection.
        user: Who has logged in; empty for nobody.
    """

    sender: str
    recipients: list[str]
    mail: EmailMessage
    is_encrypted: bool
    user: str


@dataclass
class MailServer:
    """What a server has accepted, and what it refuses.

    Attributes:
        port: Its port.
        logins: Passwords by user.
        refused: Answers by recipient, instead of accepting them.
        answer: The answer to the data, instead of accepting it.
        deliveries: What it has accepted.
        attempts: The answers that it has given to data.
    """

    port: int = 0
    logins: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    answer: str = ""
    deliveries: queue.Queue[Delivery] = field(default_factory=queue.Queue)

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        """Check a login."""
        assert isinstance(data, LoginPassword)
        user, password = data.login.decode(), data.password.decode()
        if self.logins.get(user) != password:
            answer = f"535 5.7.8 {user} with {password} is not accepted"
            return AuthResult(success=False, handled=False, message=answer)
        return AuthResult(success=True, auth_data=user)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept or refuse a recipient."""
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Accept or refuse an e-mail."""
        if self.answer:
            return self.answer
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        user: Any = session.auth_data
        self.deliveries.put(
            Delivery(
                envelope.mail_from or "",
                list(envelope.rcpt_tos),
                mail,
                _is_encrypted(server),
                str(user or ""),
            )
        )
        return "250 OK"


def _is_encrypted(server: SMTP) -> bool:
    return server.transport is not None and bool(server.transport.get_extra_info("ssl_object"))


@contextmanager
def mail_server(
    *,
    starttls: ssl.SSLContext | None = None,
    tls: ssl.SSLContext | None = None,
    logins: dict[str, str] | None = None,
) -> Iterator[MailServer]:
    """Run a server while the block lasts.

    Args:
        starttls: Its certificate, if it requires STARTTLS.
        tls: Its certificate, if it encrypts from the start.
        logins: Passwords by user; without any, nobody needs to log in.
    """
    server = MailServer(logins=logins or {})

    def connection() -> SMTP:
        return SMTP(
            server,
            hostname="localhost",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=server.authenticate if logins else None,
            auth_required=bool(logins) and starttls is not None,
            auth_require_tls=starttls is not None or not logins,
        )

    loop = asyncio.new_event_loop()
    listener = loop.run_until_complete(loop.create_server(connection, "127.0.0.1", 0, ssl=tls))
    server.port = listener.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(_close(listener), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _close(listener: asyncio.Server) -> None:
    listener.close()
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # transports close in the next round
