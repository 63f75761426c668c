"""Sends a message when a command fails and no exporter would, and when it succeeds again."""

from __future__ import annotations

import dataclasses
import datetime as dt
import queue
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from canvas_sync_core.clock import monotonic
from canvas_sync_core.errors import SettingsError
from canvas_sync_core.names import Severity
from canvas_sync_core.settings import Settings, read
from canvas_sync_core.threads import start_daemon
from canvas_sync_exporter.config_file.channels import ChannelSettings
from canvas_sync_exporter.messages.channel import Channel, DeliveryError, OutgoingMessage
from canvas_sync_exporter.messages.channels.factory import make_channels
from canvas_sync_exporter.settings import Configuration, full_configuration

from .exporter_liveness import is_exporter_alive
from .failure_content import CommandFailure, failed_content, recovered_content
from .sent_failures import SentFailure, forget_failure, load_failure, save_failure

__all__ = ["Notifier"]

_SECONDS: Final = 30.0
"""How long the end of the wrapper may be delayed if the command failed."""
_PAUSE_SECONDS: Final = 2.0
_REMINDER: Final = dt.timedelta(days=1)


class Notifier:
    """Sends messages about one job.

    Args:
        environ: Where the settings come from.
        job: Identifies the job.
        say: Prints a line on standard error.
    """

    def __init__(self, environ: Mapping[str, str], job: str, say: Callable[[str], None]) -> None:
        self._environ = environ
        self._job = job
        self._say = say

    def on_failure(self, failure: CommandFailure) -> None:
        """Send a message, unless people know of the failure or an exporter will send one."""
        config = self._configuration()
        if config is None:
            return
        failure = dataclasses.replace(failure, time=failure.time.astimezone(_zone(config)))
        file = self._file()
        before = None if file is None else load_failure(file)
        if before is not None and failure.time - before.failure.time < _REMINDER:
            return
        if is_exporter_alive(config.app):
            return
        wanted = _wanted(config, failure.sync_type)
        if not wanted:
            self._say(
                "the failure was not sent: no destination in the configuration file receives "
                f"critical incidents of the sync type {failure.sync_type}."
            )
        channels = self._channels(wanted)
        message = OutgoingMessage(
            key=f"run-{self._job}-{failure.time.timestamp()}", content=failed_content(failure)
        )
        references = self._send(channels, lambda _: message)
        if references and file is not None:
            self._save(file, SentFailure(failure, references))

    def on_success(self) -> None:
        """Send a message that the job works again, if its failure was sent."""
        file = self._file()
        before = None if file is None else load_failure(file)
        if file is None or before is None:
            return
        config = self._configuration()
        if config is None:
            return
        now = dt.datetime.now(_zone(config))
        failure = dataclasses.replace(
            before.failure, time=before.failure.time.astimezone(_zone(config))
        )
        content = recovered_content(failure, now)
        channels = self._channels(_wanted(config, before.failure.sync_type))

        def message(name: str) -> OutgoingMessage:
            thread = before.references.get(name) or None
            return OutgoingMessage(
                key=f"run-{self._job}-{now.timestamp()}",
                content=content,
                thread=thread,
                first=content if thread else None,
            )

        informed = [channel for channel in channels if channel.name in before.references]
        if self._send(informed, message) or not informed:
            forget_failure(file)

    def _configuration(self) -> Configuration | None:
        try:
            return full_configuration(self._environ)
        except (SettingsError, ImportError) as error:
            self._say(f"messages cannot be sent: {error}")
            return None

    def _file(self) -> Path | None:
        """Return where the job's failure is remembered; None if the settings are invalid."""
        try:
            state = read(Settings, self._environ).state_folder
        except SettingsError:
            return None  # on_failure() reports it
        return state / "sent_failures" / f"{self._job}.json"

    def _save(self, file: Path, sent: SentFailure) -> None:
        try:
            save_failure(file, sent)
        except OSError as error:
            self._say(
                f"the next failure will be sent too: {file} cannot be written: {error.strerror}."
            )

    def _channels(self, wanted: Iterable[ChannelSettings]) -> tuple[Channel, ...]:
        return tuple(channel for each in wanted for channel in self._made(each))

    def _made(self, settings: ChannelSettings) -> tuple[Channel, ...]:
        """Make one channel, so that a destination with a mistake does not stop the others."""
        try:
            return make_channels([settings])
        except (SettingsError, ImportError) as error:
            self._say(f"no message is sent to {settings.name}: {error}")
            return ()

    def _send(
        self, channels: Iterable[Channel], message: Callable[[str], OutgoingMessage]
    ) -> dict[str, str]:
        """Send to all channels at the same time; return the references of those that succeeded."""
        outcomes: queue.SimpleQueue[tuple[str, str, str]] = queue.SimpleQueue()
        deadline = monotonic() + _SECONDS
        pending = []
        for channel in channels:
            work = partial(_deliver, channel, message(channel.name), deadline, outcomes)
            if start_daemon(work, f"message to {channel.name}") is not None:
                pending.append(channel.name)
        references: dict[str, str] = {}
        while pending:
            try:
                name, reference, failure = outcomes.get(timeout=max(0.0, deadline - monotonic()))
            except queue.Empty:
                break
            pending.remove(name)
            if failure:
                self._say(f"the message to {name} was not sent: {failure}")
            else:
                references[name] = reference
        for name in pending:
            self._say(f"the message to {name} was not sent within {_SECONDS:g} seconds.")
        return references


def _wanted(config: Configuration, sync_type: str) -> tuple[ChannelSettings, ...]:
    """Return the destinations that receive failures of a sync type."""
    return tuple(
        settings
        for settings in config.file.messages.channels
        if settings.audience.wants_incident(Severity.CRITICAL, sync_type)
    )


def _deliver(
    channel: Channel,
    message: OutgoingMessage,
    deadline: float,
    outcomes: queue.SimpleQueue[tuple[str, str, str]],
) -> None:
    while True:
        try:
            outcomes.put((channel.name, channel.send(message), ""))
            return
        except DeliveryError as error:
            pause = max(_PAUSE_SECONDS, error.retry_after or 0.0)
            if error.is_permanent or monotonic() + pause >= deadline:
                outcomes.put((channel.name, "", str(error)))
                return
            message = dataclasses.replace(
                message, may_be_repeated=message.may_be_repeated or error.may_have_arrived
            )
        except Exception as error:  # noqa: BLE001 - the other channels must still be reported
            outcomes.put((channel.name, "", f"{type(error).__name__}; please report this."))
            return
        time.sleep(pause)


def _zone(config: Configuration) -> dt.tzinfo:
    return config.file.messages.zone or config.app.timezone
