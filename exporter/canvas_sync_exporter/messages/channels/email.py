"""Delivers messages by e-mail."""

from __future__ import annotations

import base64
import ssl
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from smtplib import (
    SMTP,
    SMTPAuthenticationError,
    SMTPException,
    SMTPRecipientsRefused,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from typing import Final

from canvas_sync_core.canvas.redaction import redact
from canvas_sync_core.errors import SettingsError
from canvas_sync_exporter.config_file.channels import EmailSettings, Security
from canvas_sync_exporter.messages.channel import DeliveryError, OutgoingMessage

from .cutting import cut_line
from .deadline import Deadline
from .failures import network_failure
from .mail import address_of, make_mail
from .smtp import connect

__all__ = ["EmailChannel"]


SECONDS: Final = 60.0
_LONGEST_ANSWER: Final = 200
_MOST_PARTIAL: Final = 100
_HIDDEN: Final = "[removed]"
_Refused = Mapping[str, tuple[int, bytes]]


class EmailChannel:
    """Delivers messages by e-mail.

    Args:
        settings: Its section of the configuration file.
        seconds: How long a delivery may take as a whole.

    Raises:
        SettingsError: The file with certificates cannot be used.
    """

    def __init__(self, settings: EmailSettings, *, seconds: float = SECONDS) -> None:
        self.name = settings.name
        self._settings = settings
        self._context = _context(settings)
        self._seconds = seconds
        self._delivered: OrderedDict[str, frozenset[str]] = OrderedDict()

    def send(self, message: OutgoingMessage) -> str:
        """Deliver a message; return the Message-ID to which later ones of its subject reply.

        If a server accepts it for some recipients only, the next attempt goes to the others.
        """
        settings = self._settings
        mail = make_mail(message, settings.sender, settings.recipients, time.time())
        addresses = [address_of(each) for each in settings.recipients]
        waiting = [each for each in addresses if each not in self._done(message.key)]
        deadline = Deadline(self._seconds)
        reference = str(mail["Message-ID"])
        try:
            refused = self._call(deadline, lambda: self._deliver(mail, waiting, deadline))
            if refused:
                self._remember(message.key, set(addresses) - set(refused))
                raise self._refusal(refused)
        except DeliveryError as error:
            error.reference = reference if self._done(message.key) else None
            raise
        self._delivered.pop(message.key, None)
        return reference

    def check(self) -> str:
        """Check whether the server accepts the login, the sender and the recipients."""
        deadline = Deadline(self._seconds)
        refused = self._call(deadline, lambda: self._ask(deadline))
        if refused:
            raise self._refusal(refused)
        number = len(self._settings.recipients)
        recipients = "the recipient" if number == 1 else f"all {number} recipients"
        login = "" if self._settings.password is None else "the login, "
        return f"{self._settings.host} accepts {login}the sender and {recipients}."

    def _call(self, deadline: Deadline, exchange: Callable[[], _Refused]) -> _Refused:
        """Talk to the server; return the recipients that it refused, with its answers."""
        try:
            return deadline.call(exchange)
        except SMTPServerDisconnected as error:
            is_silent = isinstance(error.__context__, TimeoutError)
            reason = (
                network_failure(TimeoutError()) if is_silent else "the server closed the connection"
            )
        except SMTPException as error:
            if not _is_garbage(error):
                raise self._failure(error) from None
            reason = "the server's answer is not one of SMTP"
        except (OSError, ValueError) as error:
            reason = network_failure(error)
        host = self._settings.host
        raise DeliveryError(f"{host}: {reason}", may_have_arrived=deadline.has_sent)

    def _ask(self, deadline: Deadline) -> _Refused:
        """Name sender and recipients to the server, without sending anything."""
        with self._connected(deadline) as server:
            sender = address_of(self._settings.sender)
            code, text = server.mail(sender)
            if code != 250:
                raise SMTPSenderRefused(code, text, sender)
            recipients = [address_of(each) for each in self._settings.recipients]
            answers = {each: server.rcpt(each) for each in recipients}
            server.rset()
        return {each: answer for each, answer in answers.items() if answer[0] not in (250, 251)}

    def _deliver(self, mail: EmailMessage, recipients: list[str], deadline: Deadline) -> _Refused:
        """Deliver an e-mail; return the recipients that the server refused, with its answers."""
        with self._connected(deadline) as server:
            return server.send_message(mail, address_of(self._settings.sender), recipients)

    @contextmanager
    def _connected(self, deadline: Deadline) -> Iterator[SMTP]:
        """Connect to the server and log in."""
        settings = self._settings
        server = connect(settings.host, settings.port, settings.security, self._context, deadline)
        try:
            if settings.password is not None:
                server.login(settings.user, settings.password)
            server.ehlo_or_helo_if_needed()
            deadline.check()
            yield server
            with suppress(OSError, SMTPException):
                server.putcmd("quit")  # without waiting: all is done
        finally:
            server.close()

    def _done(self, key: str) -> frozenset[str]:
        return self._delivered.get(key, frozenset())

    def _remember(self, key: str, recipients: set[str]) -> None:
        self._delivered[key] = self._done(key) | recipients
        while len(self._delivered) > _MOST_PARTIAL:
            self._delivered.popitem(last=False)

    def _failure(self, error: SMTPException) -> DeliveryError:
        host = self._settings.host
        if isinstance(error, SMTPRecipientsRefused):
            return self._refusal(error.recipients)
        if not isinstance(error, SMTPResponseException):  # a command that it does not know
            return DeliveryError(f"{host} does not offer {self._missing()}", is_permanent=True)
        what = "refused the login" if isinstance(error, SMTPAuthenticationError) else "responded"
        answer = self._shown(error.smtp_code, error.smtp_error)
        return DeliveryError(
            f"{host} {what}: {answer}", is_permanent=_is_permanent(error.smtp_code)
        )

    def _missing(self) -> str:
        if self._settings.security is Security.STARTTLS:
            return 'STARTTLS or this login; check `port`, or write security = "tls"'
        return "this login; leave out `user` and `password`"

    def _refusal(self, refused: _Refused) -> DeliveryError:
        """Return the error for recipients; permanent if no other attempt can help any of them."""
        code, text = next(iter(refused.values()))
        return DeliveryError(
            f"{self._settings.host} refused {self._named(refused)}: {self._shown(code, text)}",
            is_permanent=all(_is_permanent(each) for each, _ in refused.values()),
        )

    def _named(self, refused: _Refused) -> str:
        """Name refused recipients by their places in the settings: no error contains an address."""
        recipients = self._settings.recipients
        count = f"{len(refused)} of {len(recipients)} recipients"
        if len(refused) == len(recipients):
            return count
        numbers = [n for n, each in enumerate(recipients, 1) if address_of(each) in refused]
        return f"{count} (in `to`: number {', '.join(map(str, numbers))})"

    def _shown(self, code: int, text: bytes | str) -> str:
        """Return a server's answer without secrets and addresses that it may repeat."""
        answer = text.decode(errors="replace") if isinstance(text, bytes) else text
        for secret in _secrets(self._settings):
            answer = answer.replace(secret, _HIDDEN)
        return f"{code} {cut_line(redact(answer), _LONGEST_ANSWER)}"


def _context(settings: EmailSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise SettingsError(
            f"messages.{settings.name}.ca_file: it has no certificates that can be used: "
            f"{network_failure(error)}."
        ) from None


def _is_garbage(error: SMTPException) -> bool:
    return isinstance(error, SMTPResponseException) and not 200 <= error.smtp_code < 600


def _is_permanent(code: int) -> bool:
    return 500 <= code < 600


def _secrets(settings: EmailSettings) -> list[str]:
    """Return what no error may repeat, longest first."""
    user, password = settings.user, settings.password or ""
    plain = [password, user, f"\0{user}\0{password}"] if password else []
    encoded = [base64.b64encode(each.encode()).decode() for each in plain]
    addresses = [address_of(each) for each in (settings.sender, *settings.recipients)]
    return sorted({*plain, *encoded, *addresses} - {""}, key=len, reverse=True)
