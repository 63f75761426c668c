"""Lists in pages with a ``Link`` header.

Source: https://canvas.instructure.com/doc/api/file.pagination.html: 10 items a page unless
``per_page`` says otherwise, up to a limit (100), URLs are opaque, ``last`` may be missing. Small
lists are numbered; long ones use bookmarks, and then know neither their last page nor the previous.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from .answers import Answer, RefusedError, json_answer, not_found
from .request import Request

__all__ = ["bookmarked", "numbered"]

_DEFAULT_PAGE = 10
_LARGEST_PAGE = 100


def numbered(request: Request, items: Sequence[dict[str, Any]]) -> Answer:
    """One page of a list whose pages are numbered."""
    size = _page_size(request)
    number = _whole_number(request.parameter("page") or "1")
    if not number:
        raise RefusedError(not_found())
    last = max(1, -(-len(items) // size))
    pages = {"current": number, "next": number + 1, "prev": number - 1, "first": 1, "last": last}
    rels = {rel: str(page) for rel, page in pages.items() if 1 <= page <= last or rel == "current"}
    return _page(request, items[(number - 1) * size : number * size], rels)


def bookmarked(request: Request, items: Sequence[dict[str, Any]]) -> Answer:
    """One page of a list whose next page starts after a bookmarked id."""
    size = _page_size(request)
    page = request.parameter("page") or "first"
    after = 0 if page in {"first", "1"} else _read_bookmark(page)
    rest = [item for item in items if item["id"] > after]
    rels = {"current": page, "first": "first"}
    if len(rest) > size:
        rels["next"] = _bookmark(rest[size - 1]["id"])
    return _page(request, rest[:size], rels)


def _page(request: Request, items: Sequence[dict[str, Any]], rels: dict[str, str]) -> Answer:
    size = str(_page_size(request))
    filters = [
        pair for pair in request.query if pair[0] not in {"page", "per_page", "access_token"}
    ]
    links = [
        f'<{request.url}?{urlencode([*filters, ("page", page), ("per_page", size)])}>; rel="{rel}"'
        for rel, page in rels.items()
    ]
    return json_answer(list(items), headers=(("link", ",".join(links)),))


def _page_size(request: Request) -> int:
    wanted = _whole_number(request.parameter("per_page") or "")
    return min(wanted, _LARGEST_PAGE) if wanted else _DEFAULT_PAGE


def _whole_number(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def _bookmark(item_id: int) -> str:
    return "bookmark:" + base64.urlsafe_b64encode(f"[{item_id}]".encode()).decode()


def _read_bookmark(page: str) -> int:
    kind, _, text = page.partition(":")
    try:
        inner = base64.urlsafe_b64decode(text).decode("ascii")
        if kind != "bookmark" or inner[:1] + inner[-1:] != "[]":
            raise RefusedError(not_found())
        return int(inner[1:-1])
    except (binascii.Error, ValueError):
        raise RefusedError(not_found()) from None
