"""``canvas-sync-monitor messages``: the messages that the exporter sends."""

from __future__ import annotations

from typing import Any

from .message_list import add_list
from .message_preview import add_preview
from .message_test import add_test
from .options import add_group

__all__ = ["add_parser"]


def add_parser(subparsers: Any) -> None:
    """Add the commands to a command line."""
    group = add_group(subparsers, "messages")
    add_preview(group)
    add_test(group)
    add_list(group)
