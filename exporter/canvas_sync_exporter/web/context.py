"""What the web app needs of the rest of the exporter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from sqlalchemy import Engine

from canvas_sync_core.locks import Event
from canvas_sync_exporter.settings import Configuration

from .access import Access

__all__ = ["JobsView", "WebContext"]


class JobsView(Protocol):
    """What the web app tells about the recurring jobs."""

    @property
    def running(self) -> bool:
        """Whether jobs are started when they are due."""

    @property
    def failures(self) -> Mapping[str, str]:
        """Why jobs failed when they last ran, by job."""


@dataclass(frozen=True, slots=True)
class WebContext:
    """What the web app needs of the rest of the exporter.

    Attributes:
        jobs: None in a user's own app, where no jobs run.
        stopping: Set when the server ends, so that streams end too.
    """

    configuration: Configuration
    engine: Engine
    access: Access
    jobs: JobsView | None = None
    stopping: Event = field(default_factory=Event)
