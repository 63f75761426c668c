"""Runs all checks in parallel, each with a time limit; none of them raises."""

from __future__ import annotations

import difflib
import queue
import time
from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Final

from canvas_sync_core.errors import SettingsError
from canvas_sync_core.settings import Settings
from canvas_sync_core.threads import start_daemon
from canvas_sync_exporter.config_file.config_file import ConfigFile
from canvas_sync_exporter.reasons import reason
from canvas_sync_exporter.settings import Configuration, ExporterSettings, configuration

from . import files, messages, services, syncs
from .alertmanager import messages_sent_once
from .finding import Finding

__all__ = ["examine"]

Check = Callable[[], Finding]

SECONDS: Final = 5.0
"""Time limit; a check that has not finished by then has failed."""


def examine(environ: Mapping[str, str], prometheus_url: str | None) -> dict[str, Finding]:
    """Check everything that syncs and the exporter need.

    Args:
        environ: Where the settings come from.
        prometheus_url: Address of a Prometheus; None leaves it out.

    Returns:
        Name of the check -> its finding. If the settings are invalid, only that check.
    """
    try:
        config = configuration(environ)
    except SettingsError as error:
        return {"settings": Finding.failed(str(error), "Correct it; nothing else can be checked.")}
    settings = {"settings": _settings(environ)}
    checks = _checks(config, environ, prometheus_url)
    file, whole = messages.config_file(environ)
    settings["configuration file"] = file
    if whole is not None:
        checks |= _message_checks(whole.file, prometheus_url)
    return settings | _done(checks, SECONDS)


def _checks(
    config: Configuration, environ: Mapping[str, str], prometheus_url: str | None
) -> dict[str, Check]:
    app = config.app
    checks: dict[str, Check] = {
        "log folder": partial(files.writable, app.log_dir),
        "state folder": partial(files.writable, app.state_folder),
        "metric folder": partial(files.writable, app.metrics_folder),
        "metric files": partial(files.waiting_files, app.metrics_folder),
        "log files": partial(files.log_files, app.log_dir, config.archive_folder),
        "log disk": partial(files.local_disk, app.log_dir),
        "state disk": partial(files.local_disk, app.state_folder),
        "disk space": partial(files.disk_space, app.log_dir),
        "database": partial(services.database, config),
        "judging": partial(syncs.judging, config),
        "recent runs": partial(syncs.recent_runs, config),
        "spool": partial(services.spool, app.spool_folder),
        "collector": partial(services.collector, environ),
        "clock": partial(services.clock, config, prometheus_url),
    }
    if config.exporter.tokens_file is not None:
        checks["tokens"] = partial(files.tokens, config.exporter.tokens_file)
    if secret := environ.get("CANVAS_SYNC_DATABASE_URL_FILE", "").strip():
        checks["database secret"] = partial(files.private_file, Path(secret))
    if prometheus_url is not None:
        checks["prometheus"] = partial(services.prometheus, prometheus_url)
    return checks


def _message_checks(file: ConfigFile, prometheus_url: str | None) -> dict[str, Check]:
    settings = file.messages
    if not settings.channels:
        return {}
    checks: dict[str, Check] = {
        "messages": partial(messages.receivers, settings),
        "links": partial(messages.links, file.links),
    }
    for each in settings.channels:
        checks[f"messages {each.name}"] = partial(messages.destination, each)
    if prometheus_url is not None:
        checks["alertmanager"] = partial(messages_sent_once, settings, prometheus_url)
    return checks


def _settings(environ: Mapping[str, str]) -> Finding:
    known = {field.metadata["env"] for cls in (Settings, ExporterSettings) for field in fields(cls)}
    known |= {
        f"{field.metadata['env']}_FILE" for field in fields(Settings) if field.metadata["secret"]
    }
    given = sorted(name for name in environ if name.startswith("CANVAS_SYNC_"))
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            meant = f"Did you mean {near[0]}? " if near else ""
            return Finding.warning(
                f"{name} is not a setting and is ignored.", f"{meant}Correct or remove it."
            )
    named = f": {', '.join(given)}" if given else ""
    verb = "is" if len(given) == 1 else "are"
    return Finding.ok(f"{len(given)} {verb} set by the environment{named}.")


def _done(checks: Mapping[str, Check], seconds: float) -> dict[str, Finding]:
    """Run all checks in parallel; one that does not end is abandoned in its thread."""
    done: queue.SimpleQueue[tuple[str, Finding]] = queue.SimpleQueue()
    deadline = time.monotonic() + seconds
    for name, check in checks.items():
        start_daemon(partial(_run_check, name, check, done), f"doctor {name}")
    late = Finding.failed(
        f"No answer within {seconds:g} s.", "Check whether its server or its disk hangs."
    )
    found = dict.fromkeys(checks, late)
    for _ in checks:
        try:
            name, finding = done.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            break
        found[name] = finding
    return found


def _run_check(name: str, check: Check, done: queue.SimpleQueue[tuple[str, Finding]]) -> None:
    try:
        finding = check()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what was found
        finding = Finding.failed(
            f"It could not be checked: {reason(error)}.", "See the other checks."
        )
    done.put((name, finding))
