"""The style sheet and the script of all pages, each put together from small files.

A page loads one of each. Their URL has a digest of their content, so a browser keeps them until
they change. Each file of the script is put into its own block and knows no other: what they have in
common is the page.
"""

from __future__ import annotations

import gzip
import re
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Final

from canvas_sync_exporter.rendering import TEMPLATES

__all__ = ["Asset", "assets"]

_STATIC: Final = Path(__file__).parent / "static"
_SPACE_BETWEEN_TOKENS: Final = re.compile(r"\s*([{};,>])\s*|(?<=:)[ ]+|[ ]*\n\s*")
_SHARED_STYLES: Final = (TEMPLATES / "style/tokens.css", TEMPLATES / "charts/style.css")


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages load.

    Attributes:
        name: Its name in the URL, with the digest.
        zipped: The content as gzip, compressed once and as well as possible.
    """

    name: str
    content: bytes
    zipped: bytes
    media_type: str


@cache
def assets() -> dict[str, Asset]:
    """Return the style sheet and the script, as ``style`` and ``script``."""
    styles = [*_SHARED_STYLES, *sorted((_STATIC / "style").glob("*.css"))]
    scripts = sorted((_STATIC / "script").glob("*.js"))
    return {
        "style": _asset("page", "css", _compact("\n".join(map(_text, styles))), "text/css"),
        "script": _asset(
            "page", "js", "\n".join(f"{{\n{_text(each)}}}" for each in scripts), "text/javascript"
        ),
    }


def _asset(name: str, suffix: str, text: str, media_type: str) -> Asset:
    content = text.encode()
    digest = blake2b(content, digest_size=8).hexdigest()
    zipped = gzip.compress(content, mtime=0)
    return Asset(f"{name}-{digest}.{suffix}", content, zipped, f"{media_type}; charset=utf-8")


def _compact(style: str) -> str:
    """Remove white space that only makes the source readable."""
    style = _SPACE_BETWEEN_TOKENS.sub(lambda match: match[1] or " " * ("\n" in match[0]), style)
    return style.replace(";}", "}")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
