"""Settings, read once from a mapping such as ``os.environ``.

Every setting is one line of a frozen dataclass, with its type, default, environment variable and
help; a test checks that the reference page is complete. The exporter's own settings use the same
:func:`setting` and :func:`read`.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec

from canvas_sync_core.files.regular_file import read_regular_file
from canvas_sync_core.patterns import late_pattern

from .asynchronous import raise_if_asynchronous
from .errors import SettingsError
from .names import Log, LogLevel

__all__ = [
    "SettingHelp",
    "Settings",
    "describe",
    "level",
    "number",
    "one_of",
    "path",
    "read",
    "setting",
    "switch",
    "text",
    "time_zone",
    "whole_number",
    "with_app_config",
    "words",
]

T = TypeVar("T")
_DATABASE_URL: Final = "CANVAS_SYNC_DATABASE_URL"
_RELATIVE_SQLITE: Final = late_pattern(r"^sqlite(\+\w+)?:///(file:)?+(?!/|:memory:)(?=.)")
Parser = Callable[[str], Any]


class SettingHelp(msgspec.Struct, frozen=True):
    """One setting as the reference page shows it."""

    env: str
    default: str
    help: str
    secret: bool


def setting(env: str, parse: Parser, default: Any, help_text: str, *, secret: bool = False) -> Any:
    """Declare a setting as a dataclass field.

    Args:
        env: Name of the environment variable.
        parse: Turns the text into a value, or raises ValueError with the reason.
        default: Value when the variable is unset or empty.
        help_text: One sentence for the reference page.
        secret: Whether the value may also come from the file that ``<env>_FILE`` names, and is
            left out of ``repr``.
    """
    return dataclasses.field(
        default=default,
        repr=not secret,
        metadata={"env": env, "parse": parse, "help": help_text, "secret": secret},
    )


def read(cls: type[T], environ: Mapping[str, str], **overrides: Any) -> T:
    """Build settings of class ``cls``: argument, else environment, else default.

    Args:
        cls: A frozen dataclass whose fields were made by :func:`setting`.
        environ: Where to look the variables up.
        overrides: Field values that win over the environment, as values or as the text that the
            environment would hold; None means not given.

    Raises:
        SettingsError: A value cannot be used, a secret file cannot be read, or an override has an
            unknown name.
    """
    fields = dataclasses.fields(cast("Any", cls))
    unknown = sorted(set(overrides) - {field.name for field in fields})
    if unknown:
        known = ", ".join(field.name for field in fields)
        raise SettingsError(f"Unknown setting {unknown[0]!r}. Known settings: {known}.")
    values = {name: value for name, value in overrides.items() if value is not None}
    for field in fields:
        raw = values.get(field.name, _raw_value(field, environ))
        if raw and isinstance(raw, str):
            values[field.name] = _parse(field, raw)
    return cls(**values)


def with_app_config(
    environ: Mapping[str, str], config: Mapping[str, Any], folder: str | Path
) -> dict[str, str]:
    """Lay the settings of an app's own configuration, such as Flask's, over the environment.

    Args:
        environ: Such as ``os.environ``.
        config: Its keys ``CANVAS_SYNC_*`` are looked at; None is not given, lists are words.
        folder: Where an SQLite file with a relative path in the configuration is. Flask-SQLAlchemy
            means the app's instance folder.
    """
    given = {
        name: ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
        for name, value in config.items()
        if name.startswith("CANVAS_SYNC_") and value is not None
    }
    if url := given.get(_DATABASE_URL):
        given[_DATABASE_URL] = _RELATIVE_SQLITE.sub(lambda found: f"{found[0]}{folder}/", url)
    return {**environ, **given}


def describe(cls: type[Any]) -> list[SettingHelp]:
    """List the settings of class ``cls`` for the reference page."""
    return [
        SettingHelp(
            field.metadata["env"],
            "" if field.default in (None, "", ()) else _as_text(field.default),
            field.metadata["help"],
            field.metadata["secret"],
        )
        for field in dataclasses.fields(cls)
    ]


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(value) if isinstance(value, tuple) else str(value)


def _raw_value(field: dataclasses.Field[Any], environ: Mapping[str, str]) -> str:
    name = field.metadata["env"]
    value = environ.get(name, "").strip()
    if value or not field.metadata["secret"]:
        return value
    file_name = environ.get(f"{name}_FILE", "").strip()
    if not file_name:
        return ""
    try:
        value = read_regular_file(Path(file_name)).text.strip()
        if not value:  # for instance while it is being written
            raise ValueError("it is empty")
    except (OSError, ValueError) as error:
        raise_if_asynchronous(error)
        raise SettingsError(
            f"{name}_FILE names {file_name!r}, which cannot be read: {error}. "
            "Point it at a readable text file that holds the value alone."
        ) from error
    return value


def _parse(field: dataclasses.Field[Any], raw: str) -> Any:
    name = field.metadata["env"]
    try:
        return field.metadata["parse"](raw)
    except ValueError as error:
        raise_if_asynchronous(error)
        shown = "its value" if field.metadata["secret"] else repr(raw)
        raise SettingsError(f"{name}: {shown} cannot be used: {error}.") from error


def text(raw: str) -> str:
    """Any text."""
    return raw


def path(raw: str) -> Path:
    """A file or folder; ``~`` is the home folder."""
    try:
        return Path(raw).expanduser()
    except RuntimeError:  # such as in a container whose user has no home folder
        raise ValueError("the home folder in it cannot be found; write the whole path") from None


def words(raw: str) -> tuple[str, ...]:
    """Comma-separated words, in lower case."""
    return tuple(word.strip().lower() for word in raw.split(",") if word.strip())


def host_names(raw: str) -> tuple[str, ...]:
    """Comma-separated hosts, in lower case; for a URL, its host and port."""
    return tuple(word.rpartition("://")[2].partition("/")[0] for word in words(raw))


def switch(raw: str) -> bool:
    """``true`` or ``false`` in the usual spellings."""
    word = raw.lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"0", "false", "no", "off"}:
        return False
    raise ValueError("use true or false")


def number(low: float, high: float = math.inf) -> Callable[[str], float]:
    """Return a parser for a number from ``low`` to ``high``, inclusive."""

    def parse(raw: str) -> float:
        try:
            value = float(raw)
        except ValueError as error:
            raise_if_asynchronous(error)
            raise ValueError("use a number") from None
        if not low <= value <= high:
            raise ValueError(_range_hint(low, high))
        return value

    return parse


def whole_number(low: int, high: float = math.inf) -> Callable[[str], int]:
    """Return a parser for an integer from ``low`` to ``high``, inclusive."""

    def parse(raw: str) -> int:
        try:
            value = int(raw)
        except ValueError as error:
            raise_if_asynchronous(error)
            raise ValueError("use a whole number") from None
        if not low <= value <= high:
            raise ValueError(_range_hint(low, high))
        return value

    return parse


def time_zone(raw: str) -> dt.tzinfo:
    """A time zone by its name in the IANA database, such as ``Europe/Berlin``."""
    if raw == "UTC":  # the usual one
        return dt.UTC
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - slow, and rarely needed

    try:
        return ZoneInfo(raw)
    except (LookupError, ValueError, OSError) as error:
        raise_if_asynchronous(error)
        raise ValueError("use a time zone such as UTC or Europe/Berlin") from None


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a parser for one of several words."""

    def parse(raw: str) -> str:
        word = raw.lower()
        if word not in choices:
            raise ValueError("use one of " + ", ".join(choices))
        return word

    return parse


def level(raw: str) -> LogLevel:
    """A level of a log, such as ``WARNING``, in upper or lower case."""
    try:
        return LogLevel(raw.upper())
    except ValueError:
        raise ValueError("use one of " + ", ".join(LogLevel)) from None


def _level_of_one(log: Log) -> Any:
    return setting(
        f"CANVAS_SYNC_LOG_LEVEL_{log.name}",
        level,
        None,
        f"The same for `{log.value}.log` alone.",
    )


def _range_hint(low: float, high: float) -> str:
    return f"use {low} or more" if math.isinf(high) else f"use a number from {low} to {high}"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of an instrumented app. All have defaults that work on one machine."""

    enabled: bool = setting(
        "CANVAS_SYNC_ENABLED", switch, True, "Whether anything is recorded at all."
    )
    log_dir: Path = setting(
        "CANVAS_SYNC_LOG_DIR", path, Path("logs/canvas_sync"), "Folder of the five log files."
    )
    log_format: str = setting(
        "CANVAS_SYNC_LOG_FORMAT",
        one_of("json", "text"),
        "json",
        "`json` for JSON Lines, `text` for the human-readable line alone.",
    )
    log_level: LogLevel = setting(
        "CANVAS_SYNC_LOG_LEVEL",
        level,
        LogLevel.INFO,
        "Lines of this level and above are written: `DEBUG`, `INFO`, `WARNING`, `ERROR`, or none "
        "with `OFF`.",
    )
    log_level_operations: LogLevel | None = _level_of_one(Log.OPERATIONS)
    log_level_api_calls: LogLevel | None = _level_of_one(Log.API_CALLS)
    log_level_database: LogLevel | None = _level_of_one(Log.DATABASE)
    log_level_errors: LogLevel | None = _level_of_one(Log.ERRORS)
    log_level_progress: LogLevel | None = _level_of_one(Log.PROGRESS)
    timezone: dt.tzinfo = setting(
        "CANVAS_SYNC_TIMEZONE",
        time_zone,
        dt.UTC,
        "Time zone of the times in human-readable lines, and of the cleanup time.",
    )
    state_dir: Path | None = setting(
        "CANVAS_SYNC_STATE_DIR",
        path,
        None,
        "Folder of the embedded database, the metric files and the spool; `state` inside the log "
        "folder when unset. Never on a network file system.",
    )
    database_url: str | None = setting(
        "CANVAS_SYNC_DATABASE_URL",
        text,
        None,
        "SQLAlchemy URL of the database with the `canvas_sync_metrics` table; an SQLite file in "
        "the state folder when unset.",
        secret=True,
    )
    multiproc_dir: Path | None = setting(
        "PROMETHEUS_MULTIPROC_DIR",
        path,
        None,
        "Folder of the metric files of all processes; `metrics` in the state folder when unset.",
    )
    canvas_hosts: tuple[str, ...] = setting(
        "CANVAS_SYNC_CANVAS_HOSTS",
        host_names,
        (),
        "Hosts (`canvas.example.edu`, `host:port`) that are Canvas, between commas. Every API "
        "path there counts, also below a prefix (`/canvas/api/v1/`), and so do downloads of "
        "files (`/files/12/download`). When unset, requests count as Canvas by their path: "
        "`/api/v1/`, `/api/quiz/`, `/api/lti/`, `/api/sis/`, `/api/graphql`, "
        "`/login/oauth2/token`.",
    )
    outer_run: str | None = setting(
        "CANVAS_SYNC_RUN",
        text,
        None,
        "The run that a process belongs to if it starts none itself; `canvas-sync-monitor run` "
        "sets it for its command.",
    )
    db_sum_up_after: int = setting(
        "CANVAS_SYNC_DB_SUM_UP_AFTER",
        whole_number(1),
        10,
        "How many equal database operations (same operation and table) of a run get a log line and "
        "a span each within a second; the further ones of that second share one. Metrics and the "
        "table count each of them.",
    )
    heartbeat_seconds: float = setting(
        "CANVAS_SYNC_HEARTBEAT_SECONDS",
        number(0.1, 3600),
        10.0,
        "How often a running sync renews its heartbeat in the table.",
    )
    exit_timeout_seconds: float = setting(
        "CANVAS_SYNC_EXIT_TIMEOUT_SECONDS",
        number(0, 60),
        1.5,
        "How long the exit of a process may wait for spans and rows to be delivered.",
    )
    strict: bool = setting(
        "CANVAS_SYNC_STRICT",
        switch,
        False,
        "For tests: raise misuse and internal errors instead of counting them.",
    )

    @property
    def log_levels(self) -> dict[Log, LogLevel]:
        """The level of each log."""
        levels: dict[Log, LogLevel | None] = {
            Log.OPERATIONS: self.log_level_operations,
            Log.API_CALLS: self.log_level_api_calls,
            Log.DATABASE: self.log_level_database,
            Log.ERRORS: self.log_level_errors,
            Log.PROGRESS: self.log_level_progress,
        }
        return {log: own or self.log_level for log, own in levels.items()}

    @property
    def detailed_logs(self) -> frozenset[Log]:
        """The logs of level ``DEBUG``."""
        return frozenset(log for log, own in self.log_levels.items() if own is LogLevel.DEBUG)

    @property
    def state_folder(self) -> Path:
        """Folder of the embedded database, the metric files and the spool."""
        return self.state_dir or self.log_dir / "state"

    @property
    def control_folder(self) -> Path:
        """Folder of the logs' control pages, which all processes share."""
        return self.state_folder / "control"

    @property
    def metrics_folder(self) -> Path:
        """Folder of the metric files."""
        return self.multiproc_dir or self.state_folder / "metrics"

    @property
    def spool_folder(self) -> Path:
        """Folder where rows wait for the database."""
        return self.state_folder / "spool"

    @property
    def resolved_database_url(self) -> str:
        """The database URL; the embedded SQLite file when none was given."""
        if self.database_url:
            return self.database_url
        return f"sqlite:///{self.embedded_database}"

    @property
    def embedded_database(self) -> Path:
        """The SQLite file that is used when no database URL was given."""
        return (self.state_folder / "canvas_sync.sqlite3").absolute()
