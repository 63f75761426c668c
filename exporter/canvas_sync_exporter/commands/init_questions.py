"""The questions of ``canvas-sync-monitor init``, for a person on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from canvas_sync_core.files.sanitizing import escape_controls
from canvas_sync_core.settings import time_zone
from canvas_sync_exporter.onboarding.canvas_address import host_of
from canvas_sync_exporter.onboarding.crontab import system_zone
from canvas_sync_exporter.onboarding.planned_sync import PlannedSync, parse_timing
from canvas_sync_exporter.schedules.sync_types import NAME_HINT, is_sync_type

from .terminal import writable

__all__ = ["ask_about", "ask_for_host", "can_ask"]

T = TypeVar("T")

_NOTHING: Final = "-"
"""The answer that leaves a value out, where there is a default."""
_WHEN: Final = "When it runs: 0 2 * * *, 02:00, 15m, or - to learn it from its runs"


def can_ask() -> bool:
    """Whether a person can read questions and answer them."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def ask_about(syncs: Sequence[PlannedSync]) -> list[PlannedSync]:
    """Ask for the type and the schedule of each sync; one of several may be left out."""
    answers: dict[str, PlannedSync] = {}
    for number, sync in enumerate(syncs, 1):
        is_needed = not answers and number == len(syncs)
        of_job = f" of {sync.job.command}" if sync.job else ""
        question = f"Sync type{of_job}" if is_needed else f"Sync type{of_job}, or - if it is none"
        sync_type = _ask(question, sync.sync_type, _sync_type if is_needed else _sync_type_or_none)
        if not sync_type:
            continue
        timing = _ask(_WHEN, str(sync.timing), parse_timing)
        zone = sync.zone or system_zone()
        if timing.schedule:
            zone = _ask("In the time zone", zone, _zone)
        answers[sync_type] = replace(sync, sync_type=sync_type, timing=timing, zone=zone)
    return list(answers.values())


def ask_for_host(host: str) -> str:
    """Ask for the address of Canvas.

    Returns:
        Its host; empty if it is not known.
    """
    return _ask("Address of Canvas, or - if you do not know it", host, _host)


def _sync_type(text: str) -> str:
    if not is_sync_type(text):
        raise ValueError(NAME_HINT)
    return text


def _sync_type_or_none(text: str) -> str:
    return _sync_type(text) if text else text


def _zone(text: str) -> str:
    time_zone(text)
    return text


def _host(text: str) -> str:
    host = host_of(text)
    if text and not host:
        raise ValueError("write an address such as https://canvas.example.edu")
    return host


def _ask(question: str, default: str, parse: Callable[[str], T]) -> T:
    """Ask until the answer can be used.

    Args:
        question: What to ask.
        default: What an empty answer means, and the end of the input; it can be parsed.
        parse: Turns the answer into a value, or raises ValueError with the reason; it gets an
            empty text for :data:`_NOTHING`.
    """
    prompt = f"{question} [{default}]: " if default else f"{question}: "
    while True:
        try:
            answer = input(writable(escape_controls(prompt), sys.stdout)).strip() or default
        except EOFError:
            print()
            answer = default
        try:
            return parse("" if answer == _NOTHING else answer)
        except ValueError as error:
            print(f"  That cannot be used: {escape_controls(str(error))}.")
