"""A report on its last period, or the message about the newest incident, without sending it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from canvas_sync_core.errors import CanvasSyncMonitorError
from canvas_sync_core.names import MessageKind
from canvas_sync_exporter.messages.content import Content
from canvas_sync_exporter.messages.previewing import PREVIEW_KINDS, NoMessageError, make_preview
from canvas_sync_exporter.ui.page import Page
from canvas_sync_exporter.ui.view import View
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.parameters import choice
from canvas_sync_exporter.web.problems import ProblemError

__all__ = ["PAGE", "MessagePreview"]


@dataclass(frozen=True, slots=True)
class MessagePreview:
    """Everything on the page.

    Attributes:
        kind: What the message is about.
        content: The message; None if there is nothing yet that it could be about.
        previews: The kinds that can be previewed.
    """

    kind: MessageKind
    content: Content | None
    previews: tuple[MessageKind, ...] = PREVIEW_KINDS


def message_preview(context: WebContext, view: View) -> MessagePreview:
    """Make the message."""
    kind = view.values["kind"]
    if kind not in PREVIEW_KINDS:
        raise ProblemError(404, f"There is no preview of messages of the kind {kind}.")
    try:
        content = make_preview(kind, None, context.engine, context.configuration, view.now)
    except NoMessageError:
        return MessagePreview(kind, None)
    except CanvasSyncMonitorError as error:
        raise ProblemError(503, f"The message cannot be made now: {error}") from error
    return MessagePreview(kind, content)


PAGE: Final = Page(
    "message_preview",
    "messages/preview/<kind>",
    "Preview of a message",
    "ui/message_preview.html",
    message_preview,
    parameters=(replace(choice("kind", "What the message is about.", MessageKind), in_path=True),),
    period=None,
    in_navigation=False,
    is_live=False,
)
