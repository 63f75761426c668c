"""The recorded form of an error: its class, a message without data, and its place in the code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from canvas_sync_core.asynchronous import raise_if_asynchronous
from canvas_sync_core.canvas.attributes import attribute, has_base
from canvas_sync_core.canvas.failures import error_class
from canvas_sync_core.canvas.messages import message_in, message_of_body, plain_words
from canvas_sync_core.canvas.quoted_values import MASK, mask_quoted
from canvas_sync_core.canvas.redaction import redact
from canvas_sync_core.events import ErrorInfo
from canvas_sync_core.names import OTHER
from canvas_sync_core.patterns import late_pattern
from canvas_sync_core.plain import class_name, text_of

from .driver_errors import driver_error_of, driver_message
from .frames import (
    CodeLocation,
    app_locations,
    callers,
    formatted,
    is_raised_by_statement,
    traceback_of,
)
from .source_texts import SourceTexts

__all__ = ["described_failure", "error_info", "error_of_text"]

_MOST_RELATED: Final = 4
_LONGEST_TEXT: Final = 8192
_NAMES_OF_CODE: Final = (AttributeError, ImportError, NameError, SyntaxError, TypeError)
"""In these errors, the interpreter quotes names of types, modules and variables."""
_NAME: Final = late_pattern(r"[^\w\s]*|[<>=|]?[\w.$<>\[\]-]+")
_CLIENT_ERRORS: Final = ("ClientError", "HTTPError", "RequestException")
"""Base classes of the errors of aiohttp, httpx, urllib3 and requests."""


def error_info(error: BaseException) -> ErrorInfo:
    """Describe an error without secrets and personal data.

    Quoted values in its message are masked, unless they occur in the code of its traceback. If the
    traceback contains none of the app's code, as for a call that a hook records, the calling code
    is used. If the error's own code fails, only its class is recorded.
    """
    try:
        return _described(error)
    except Exception as failure:  # noqa: BLE001 - the app's own code
        raise_if_asynchronous(failure)
        return ErrorInfo(class_name(error), f"[cannot be described: {class_name(failure)}]")


def _described(error: BaseException) -> ErrorInfo:
    chain = list(_related(error))
    locations = [location for each in chain for location in traceback_of(each)]
    around = [] if app_locations(locations) else callers()
    if error.__traceback__ is not None:
        locations = around + locations
    sources = SourceTexts(locations)
    message = _message(error, sources)
    for each in _errors_to_include(chain):
        message += f"; {type(each).__name__}: {_message(each, sources)}"
    return ErrorInfo(
        type(error).__name__,
        redact(message, is_of_exception=True),
        formatted(_places_to_show(locations, around)),
    )


def error_of_text(text: str) -> ErrorInfo:
    """Describe an error that the app gives as a text instead of an exception."""
    return ErrorInfo("Error", redact(text), formatted(_places_to_show([], callers())))


def described_failure(error: BaseException) -> str:
    """Describe an internal failure for the program's log, without its raw message."""
    locations = traceback_of(error)
    message = redact(_message(error, SourceTexts(locations)), is_of_exception=True)
    return "\n  ".join([f"{type(error).__name__}: {message}", *formatted(locations)])


def _places_to_show(
    locations: list[CodeLocation], around: list[CodeLocation]
) -> list[CodeLocation]:
    """Choose the app's own places; for an installed app, all except Python's."""
    every = locations or around
    return app_locations(every) or app_locations(every, "installed")


def _related(error: BaseException) -> Iterator[BaseException]:
    """Yield an error, the members of its group, its cause and its context."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_RELATED:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions[:_MOST_RELATED]
        cause = each.__cause__ or (None if each.__suppress_context__ else each.__context__)
        if cause is not None:
            waiting.append(cause)


def _errors_to_include(chain: list[BaseException]) -> Iterator[BaseException]:
    """Yield the members of groups, and the causes of errors that the app raised itself.

    Causes of a library's error are left out, because a library that wraps an error repeats its
    message.
    """
    error, *others = chain
    if isinstance(error, BaseExceptionGroup) or (others and _is_raised_by_app(error)):
        yield from others


def _is_raised_by_app(error: BaseException) -> bool:
    locations = traceback_of(error)
    return not locations or (locations[-1].owner == "app" and is_raised_by_statement(error))


def _message(error: BaseException, sources: SourceTexts) -> str:
    driver = driver_error_of(error)
    if driver is not None:
        return driver_message(error, driver, sources)
    if has_base(error, "CanvasException"):
        return _message_of_canvas_exception(error)
    if isinstance(error, KeyError):
        return _message_of_key_error(error, sources)
    text = text_of(error)[:_LONGEST_TEXT]
    message = message_of_body(text)
    if message is not None:
        return message
    if _has_no_values(error):
        return text
    if has_base(error, "SubprocessError"):
        text = text.replace(f"'{attribute(error, 'cmd')}'", MASK)
    if isinstance(error, ValueError | LookupError):
        text = text.partition("\n")[0]
    has_names = _is_of_interpreter(error)
    return mask_quoted(
        text,
        lambda value: (
            (has_names and _is_name(value)) or value in sources or _is_codec(error, value)
        ),
    )


def _has_no_values(error: BaseException) -> bool:
    """Return whether it is a client's error, which quotes only names."""
    if isinstance(error, (ValueError, LookupError, *_NAMES_OF_CODE)):
        return False
    is_client = has_base(error, *_CLIENT_ERRORS) or error_class(error) != OTHER
    return is_client and not _is_raised_by_app(error)


def _is_of_interpreter(error: BaseException) -> bool:
    return isinstance(error, _NAMES_OF_CODE) and not is_raised_by_statement(error)


def _is_name(value: str) -> bool:
    """Return whether a text is a name or syntax; ``getattr`` and ``**`` accept any text."""
    return _NAME.fullmatch(value) is not None


def _is_codec(error: BaseException, value: str) -> bool:
    return isinstance(error, UnicodeError) and value == attribute(error, "encoding")


def _message_of_key_error(error: KeyError, sources: SourceTexts) -> str:
    """Format a missing key: a number, or a text from the code; other objects are data.

    A sentence in place of a key is treated like any error message.
    """
    args = attribute(error, "args")
    if not isinstance(args, tuple) or len(args) != 1:
        return mask_quoted(text_of(error).partition("\n")[0], sources.__contains__)
    key = args[0]
    if isinstance(key, str):
        if key not in sources and is_raised_by_statement(error) and sources.has_phrase_of(key):
            return mask_quoted(key.partition("\n")[0], sources.__contains__)
        return repr(key) if key in sources else MASK
    if key is None or type(key) in (int, bool):
        return repr(key)
    return f"<{type(key).__name__}>"


def _message_of_canvas_exception(error: BaseException) -> str:
    """Read the message of canvasapi's exception: a decoded response, its text, or its own words."""
    message = attribute(error, "message")
    if isinstance(message, list | dict):
        return message_in(message) or ""
    text = text_of(error).strip()
    if text.startswith(("{", "[", "(", "<")):  # data, or a page
        return message_of_body(text) or ""
    return plain_words(text.partition("\n")[0]) or ""
