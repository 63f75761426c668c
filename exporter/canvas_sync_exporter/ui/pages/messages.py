"""What was sent to which destination, and whether the destinations receive messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.names import MessageKind, MessageState
from canvas_sync_core.store.messages.failing_channel import FailingChannel
from canvas_sync_core.store.messages.reading import (
    MessageFilter,
    count_messages,
    failing_channels,
    message_page,
)
from canvas_sync_core.store.messages.writing import add_messages
from canvas_sync_exporter.config_file.audience import KINDS
from canvas_sync_exporter.config_file.channels import ChannelSettings
from canvas_sync_exporter.config_file.messages import MessageSettings
from canvas_sync_exporter.messages.channel import DeliveryError
from canvas_sync_exporter.messages.channels.factory import make_channels
from canvas_sync_exporter.messages.formats import Formats
from canvas_sync_exporter.messages.message_view import MessageView
from canvas_sync_exporter.messages.previewing import PREVIEW_KINDS
from canvas_sync_exporter.messages.testing import send_test
from canvas_sync_exporter.ui.page import Action, Page, Sent
from canvas_sync_exporter.ui.view import View
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.cursors import cursor_problems
from canvas_sync_exporter.web.parameters import choice, text
from canvas_sync_exporter.web.problems import FieldError, ProblemError

__all__ = ["PAGE", "Messages"]

_LIMIT: Final = 50


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination of messages, without its secrets.

    Attributes:
        kinds: The kinds of messages that it receives.
        counts: The number of its messages, by state.
        failing: Why not everyone receives its messages at the moment; None if they do.
    """

    name: str
    kinds: list[MessageKind]
    counts: dict[MessageState, int]
    failing: FailingChannel | None


@dataclass(frozen=True, slots=True)
class Messages:
    """Everything on the page.

    Attributes:
        destinations: Those of the configuration file.
        sends_incidents: Whether the exporter sends messages about incidents.
        messages: A page of the messages, newest first.
        next: Cursor of the next page; None on the last one.
        previews: The kinds that can be previewed.
    """

    destinations: list[Destination]
    sends_incidents: bool
    messages: list[MessageView]
    next: str | None
    previews: tuple[MessageKind, ...] = PREVIEW_KINDS


def messages(context: WebContext, view: View) -> Messages:
    """Read everything on the page."""
    engine, settings = context.engine, context.configuration.file.messages
    kind = view.values["kind"]
    wanted = MessageFilter(
        view.values["state"], view.values["channel"], None if kind is None else kind.value
    )
    with cursor_problems():
        page = message_page(engine, wanted, _LIMIT, view.values["cursor"])
    return Messages(
        destinations=_destinations(
            settings, count_messages(engine), failing_channels(engine, view.now)
        ),
        sends_incidents=settings.incidents,
        messages=[MessageView.of(each) for each in page.items],
        next=page.next,
    )


def send_test_message(context: WebContext, view: View, sent: Sent) -> None:
    """Send a test message in the visitor's name, and wait for the answer."""
    config = context.configuration
    settings = config.file.messages
    formats = Formats(settings.locale, settings.zone or config.app.timezone)
    chosen = _find(settings, sent.form.get("channel", ""))
    try:
        (channel,) = make_channels([chosen])
        message = send_test(channel, config.file.links, formats, view.visitor.name, view.now)
    except (DeliveryError, CanvasSyncMonitorError) as error:
        wrong = FieldError(chosen.name, str(error))
        raise ProblemError(502, "The test message was not delivered.", errors=[wrong]) from error
    add_messages(context.engine, [message])


def _find(settings: MessageSettings, name: str) -> ChannelSettings:
    for each in settings.channels:
        if each.name == name:
            return each
    wrong = FieldError("channel", "there is no such destination in the configuration file")
    raise ProblemError(422, "Nothing was sent.", errors=[wrong])


def _destinations(
    settings: MessageSettings,
    counts: Mapping[tuple[str, MessageState], int],
    failing: Sequence[FailingChannel],
) -> list[Destination]:
    failures = {each.channel: each for each in failing}
    return [
        Destination(
            name=each.name,
            kinds=[kind for kind in KINDS if kind in _kinds(settings, each)],
            counts={state: counts.get((each.name, state), 0) for state in MessageState},
            failing=failures.get(each.name),
        )
        for each in settings.channels
    ]


def _kinds(settings: MessageSettings, channel: ChannelSettings) -> frozenset[MessageKind]:
    """Return the kinds of messages that the exporter sends to a destination."""
    made = settings.reports.kinds | ({MessageKind.INCIDENT} if settings.incidents else set())
    return channel.audience.kinds & made


PAGE: Final = Page(
    "messages",
    "messages",
    "Messages",
    "ui/messages.html",
    messages,
    parameters=(
        choice("state", "Only messages in this state.", MessageState),
        choice("kind", "Only messages of this kind.", MessageKind),
        text("channel", "Only messages to this destination.", 100),
        text("cursor", "`next` of the previous page.", 500),
    ),
    period=None,
    actions=(
        Action(
            "send_test_message",
            "messages/test",
            send_test_message,
            "The destination accepted the test message.",
        ),
    ),
)
