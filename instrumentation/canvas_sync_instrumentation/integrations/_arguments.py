"""Reads the arguments that an app passes to its client library, which may be anything.

The library reports invalid ones. Nothing here raises, and nothing that can be read only once is
consumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from canvas_sync_core.asynchronous import raise_if_asynchronous

__all__ = ["argument", "header_fields", "text_of"]


def argument(args: Sequence[Any], kwargs: Mapping[str, Any], index: int, name: str) -> Any:
    """Return an argument that may be positional; None if it is missing."""
    return kwargs.get(name, args[index] if len(args) > index else None)


def text_of(url: object) -> str:
    """Return a URL as text, as client libraries do; empty when it has none."""
    try:
        return url.decode("utf-8") if isinstance(url, bytes) else str(url)
    except Exception as error:  # noqa: BLE001 - the app's object; the library meets its error too
        raise_if_asynchronous(error)
        return ""


def header_fields(*sources: object) -> Mapping[str, Any]:
    """Give request headers by canonical name; what cannot be read as such is left out.

    Args:
        sources: Mappings or lists of pairs, the last one wins; an iterator is left for the library.
    """
    fields: dict[str, Any] = {}
    for source in sources:
        try:
            pairs: Iterable[Any] = source.items() if isinstance(source, Mapping) else ()
            if isinstance(source, list | tuple):
                pairs = source
            fields.update((text_of(name).title(), value) for name, value in pairs)
        except (TypeError, ValueError, AttributeError) as error:  # no pairs
            raise_if_asynchronous(error)
    return fields
