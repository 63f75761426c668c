"""Makes an e-mail of a message, with the same content as HTML and as plain text.

Headers: RFC 5322 (threads), RFC 3834 (automatic messages), RFC 2369 (how to unsubscribe).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Final

from canvas_sync_exporter.messages.channel import OutgoingMessage
from canvas_sync_exporter.messages.content import Content

from .cutting import Limits, content_of, fit
from .html import render_html
from .plain_text import render_text

__all__ = ["LONGEST_HTML", "MailParts", "address_of", "mail_parts", "make_mail"]

LONGEST_HTML: Final = 60_000
"""In bytes. Gmail shows at most 102 kB, and phones load small e-mails sooner."""

_LIMITS: Final = Limits(title=150, text=4000, cell=120, rows=100, items=50, sections=40)
_MESSAGE_ID: Final = re.compile(r"<[\x21-\x3b=\x3f-\x7e]{1,200}>")


@dataclass(frozen=True, slots=True)
class MailParts:
    """The parts of an e-mail.

    Attributes:
        subject: Its subject.
        html: The part that most programs show.
        text: The same as plain text.
    """

    subject: str
    html: str
    text: str


def mail_parts(content: Content) -> MailParts:
    """Render a content; both parts leave out the same where there is too much."""
    return fit(
        content,
        _LIMITS,
        lambda each: MailParts(each.title or "-", render_html(each), render_text(each)),
        lambda parts: len(parts.html.encode()) < LONGEST_HTML,
    )


def make_mail(
    message: OutgoingMessage, sender: str, recipients: tuple[str, ...], now: float
) -> EmailMessage:
    """Make an e-mail.

    Args:
        message: What it says.
        sender: Who it is from.
        recipients: Who it is to.
        now: The time, in seconds since the epoch.
    """
    parts = mail_parts(content_of(message))
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = parts.subject
    mail["From"] = _parsed(sender)
    mail["To"] = tuple(map(_parsed, recipients))
    mail["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    mail["Message-ID"] = _message_id(message.key, address_of(sender))
    if message.thread is not None and _MESSAGE_ID.fullmatch(message.thread):
        mail["In-Reply-To"] = message.thread
        mail["References"] = message.thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
    mail["List-Unsubscribe"] = f"<mailto:{address_of(sender)}?subject=unsubscribe>"
    # Not every server passes 8-bit text on unharmed.
    mail.set_content(parts.text, cte="quoted-printable")
    mail.add_alternative(parts.html, subtype="html", cte="quoted-printable")
    return mail


def address_of(text: str) -> str:
    """Return the address alone of one with a name."""
    return parseaddr(text)[1]


def _parsed(text: str) -> Address:
    name, address = parseaddr(text)
    return Address(name, addr_spec=address)


def _message_id(key: str, sender: str) -> str:
    """Return an id that is the same for each attempt, so that servers recognize repetitions."""
    digest = hashlib.sha256(key.encode(errors="replace")).hexdigest()[:32]
    return f"<{digest}@{sender.rpartition('@')[2]}>"
