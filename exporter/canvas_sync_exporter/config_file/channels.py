"""The sections ``[messages.slack]``, ``email``, ``webhook`` and ``apprise``: where messages go.

Each section is one destination, or an array of tables with several.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit

from canvas_sync_core.settings import path

from .audience import Audience, read_audience
from .secrets import is_given, one_word, read_secret
from .table import Table
from .urls import http_url

__all__ = [
    "AppriseSettings",
    "ChannelSettings",
    "EmailSettings",
    "Security",
    "SlackSettings",
    "WebhookSettings",
    "read_channels",
]

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,40}")
_CHANNEL: Final = re.compile(r"[CGD][A-Z0-9]{8,}|#?[^\s#@<>&]{1,80}")
_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}|\[?[0-9A-Fa-f:.]+\]?")
_APPRISE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://\S+")
_ADDRESS: Final = re.compile(r"(?P<address>[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253})")
_NAMED_ADDRESS: Final = re.compile(rf'"?(?P<name>[^<>"]*)"?\s*<{_ADDRESS.pattern}>')
_MOST_RECIPIENTS: Final = 50


class Security(StrEnum):
    """How the connection to a mail server is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


_PORTS: Final = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackSettings:
    """A destination in Slack: an incoming webhook, or a bot with a channel.

    Attributes:
        name: Such as ``slack`` or ``slack.admins``.
        audience: Which messages it receives.
        webhook: The URL of an incoming webhook; None for a bot.
        token: The token of a bot; None for a webhook.
        channel: The channel to which the bot writes; empty for a webhook.
    """

    name: str
    audience: Audience
    webhook: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    channel: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailSettings:
    """E-mail to some recipients.

    Attributes:
        name: Such as ``email`` or ``email.head``.
        audience: Which messages they receive.
        host: The mail server.
        port: Its port.
        security: How the connection is encrypted.
        ca_file: A file with the certificates to trust; None for those of the system.
        user: The name to log in with; empty to send without a login.
        password: The password.
        sender: The address that the messages are from, possibly with a name.
        recipients: The addresses they go to.
    """

    name: str
    audience: Audience
    host: str
    port: int
    security: Security
    ca_file: Path | None
    user: str
    password: str | None = field(repr=False)
    sender: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """A URL that receives messages as JSON.

    Attributes:
        name: Such as ``webhook`` or ``webhook.tickets``.
        audience: Which messages it receives.
        url: The URL.
        secret: The key of the signature; None to send without one.
    """

    name: str
    audience: Audience
    url: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppriseSettings:
    """A destination of Apprise.

    Attributes:
        name: Such as ``apprise`` or ``apprise.teams``.
        audience: Which messages it receives.
        url: Its Apprise URL.
    """

    name: str
    audience: Audience
    url: str = field(repr=False)


ChannelSettings = SlackSettings | EmailSettings | WebhookSettings | AppriseSettings

_Reader = Callable[[Table, str, Mapping[str, str]], ChannelSettings | None]
T = TypeVar("T")


def read_channels(messages: Table, environ: Mapping[str, str]) -> tuple[ChannelSettings, ...]:
    """Read the destinations.

    Args:
        messages: The table ``[messages]``.
        environ: Where to look up variables that hold secrets.
    """
    readers: dict[str, _Reader] = {
        "slack": _read_slack,
        "email": _read_email,
        "webhook": _read_webhook,
        "apprise": _read_apprise,
    }
    return tuple(
        settings
        for kind, reader in readers.items()
        for name, table in _destinations(messages, kind)
        if (settings := _read(reader, table, name, environ)) is not None
    )


def _read(
    reader: _Reader, table: Table, name: str, environ: Mapping[str, str]
) -> ChannelSettings | None:
    settings = reader(table, name, environ)
    table.reject_unknown()
    return settings


def _destinations(messages: Table, kind: str) -> Iterator[tuple[str, Table]]:
    """Yield the name and table of each destination; each name once."""
    tables = list(messages.table_or_tables(kind))
    names: set[str] = set()
    for table in tables:
        word = table.parsed("name", _destination_name, '"admins"')
        name = f"{kind}.{word}" if word else kind
        if word is None and "name" not in table and len(tables) > 1:
            table.wrong_table('`name` is missing; write one such as name = "admins"')
        elif name in names and word is not None:
            table.wrong("name", f"there is another {kind} destination of this name; choose another")
        names.add(name)
        yield name, table


def _destination_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("write up to 40 letters, digits, hyphens and underscores")
    return text


def _read_slack(table: Table, name: str, environ: Mapping[str, str]) -> SlackSettings | None:
    audience = read_audience(table)
    example = '"https://hooks.slack.com/services/..."'
    webhook = read_secret(table, "webhook", _encrypted_url, example, environ)
    token = read_secret(table, "token", _bot_token, '"xoxb-..."', environ)
    channel = table.parsed("channel", _slack_channel, '"#canvas-sync"')
    has_webhook, has_token = is_given(table, "webhook"), is_given(table, "token")
    if has_webhook and has_token:
        table.wrong_table("it has both a webhook and a token; write one of them")
    elif not has_webhook and not has_token:
        table.wrong_table("write `webhook`, or `token` and `channel`")
    elif has_webhook and "channel" in table:
        table.wrong("channel", "leave it out: a webhook writes to the channel it was made for")
    elif has_token and "channel" not in table:
        table.wrong_table('`channel` is missing; write one such as channel = "#canvas-sync"')
    if webhook is None and (token is None or channel is None):
        return None
    return SlackSettings(
        name=name, audience=audience, webhook=webhook, token=token, channel=channel or ""
    )


def _read_email(table: Table, name: str, environ: Mapping[str, str]) -> EmailSettings | None:
    audience = read_audience(table)
    host = _required(table, "host", table.parsed("host", _host, '"smtp.example.edu"'))
    security = table.choice("security", Security) or Security.STARTTLS
    port = table.whole_number("port", 1, 65535) or _PORTS[security]
    ca_file = table.parsed("ca_file", _readable_file, '"/etc/ssl/certs/school.pem"')
    user = table.parsed("user", _login, '"canvas-sync"')
    password = read_secret(table, "password", _login, '"..."', environ)
    sender = _required(table, "from", table.parsed("from", _address, '"canvas-sync@example.edu"'))
    recipients = _required(table, "to", _recipients(table))
    has_password = is_given(table, "password")
    if ("user" in table) != has_password:
        table.wrong_table("write both `user` and `password_file`, or neither")
    if security is Security.NONE and has_password and host and not _is_loopback(host):
        table.wrong("security", 'the password would be readable on its way; write "starttls"')
    if security is Security.NONE and "ca_file" in table:
        table.wrong("ca_file", "leave it out: the connection is not encrypted")
    if host is None or sender is None or not recipients:
        return None
    return EmailSettings(
        name=name,
        audience=audience,
        host=host,
        port=port,
        security=security,
        ca_file=ca_file,
        user=user or "",
        password=password,
        sender=sender,
        recipients=recipients,
    )


def _read_webhook(table: Table, name: str, environ: Mapping[str, str]) -> WebhookSettings | None:
    audience = read_audience(table)
    url = read_secret(table, "url", _callable_url, '"https://tickets.example.edu/canvas"', environ)
    secret = read_secret(table, "secret", one_word, '"..."', environ)
    if not is_given(table, "url"):
        table.wrong_table("`url` is missing; write the URL that receives the messages")
    if url is None:
        return None
    return WebhookSettings(name=name, audience=audience, url=url, secret=secret)


def _read_apprise(table: Table, name: str, environ: Mapping[str, str]) -> AppriseSettings | None:
    audience = read_audience(table)
    url = read_secret(table, "url", _apprise_url, '"ntfy://ntfy.example.edu/canvas"', environ)
    if not is_given(table, "url"):
        table.wrong_table("`url` is missing; write an Apprise URL")
    return None if url is None else AppriseSettings(name=name, audience=audience, url=url)


def _required(table: Table, key: str, value: T | None) -> T | None:
    if key not in table:
        table.wrong_table(f"`{key}` is missing")
    return value


def _recipients(table: Table) -> tuple[str, ...] | None:
    addresses = table.texts("to", _address, '["admin@example.edu"]')
    if addresses is None:
        return None
    if not 1 <= len(addresses) <= _MOST_RECIPIENTS:
        table.wrong("to", f"write 1 to {_MOST_RECIPIENTS} addresses; for more, use a mailing list")
        return None
    return tuple(dict.fromkeys(addresses))


def _callable_url(text: str) -> str:
    if "@" in urlsplit(http_url(text)).netloc:
        raise ValueError("write the URL without a user and password before the host")
    return text


def _encrypted_url(text: str) -> str:
    parts = urlsplit(_callable_url(text))
    if parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise ValueError("write a URL that begins with https://")
    return text


def _bot_token(text: str) -> str:
    if not one_word(text).startswith("xoxb-"):
        raise ValueError("write the token of a bot, which begins with xoxb-")
    return text


def _slack_channel(text: str) -> str:
    if not _CHANNEL.fullmatch(text):
        raise ValueError('write the name of a channel such as "#canvas-sync", or its ID')
    return text


def _apprise_url(text: str) -> str:
    if not _APPRISE.fullmatch(text) or not text.isprintable():
        raise ValueError("write one Apprise URL such as ntfy://ntfy.example.edu/canvas")
    return text


def _host(text: str) -> str:
    if not _HOST.fullmatch(text):
        raise ValueError("write the name of the mail server alone; its port is `port`")
    return text.strip("[]")


def _address(text: str) -> str:
    """Return an address, possibly with a name before it: ``Canvas sync <sync@example.edu>``."""
    if not text.rpartition("<")[2].isascii():
        raise ValueError("write addresses in ASCII; an international domain begins with xn--")
    match = _ADDRESS.fullmatch(text) or _NAMED_ADDRESS.fullmatch(text)
    if match is None or not text.isprintable():
        raise ValueError("write an address such as admin@example.edu")
    from email.headerregistry import Address  # noqa: PLC0415 - slow, and few commands read one

    name = match.groupdict().get("name", "")
    return str(Address(name.strip(), addr_spec=match["address"]))


def _login(text: str) -> str:
    if not text or not text.isprintable():
        raise ValueError("it is empty or contains control characters")
    if not text.isascii():
        raise ValueError("it contains characters outside ASCII, which a login by SMTP cannot carry")
    return text


def _readable_file(text: str) -> Path:
    file = path(text)
    if not file.is_file():
        raise ValueError("there is no such file")
    return file


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
