"""The styles of e-mails, with the colors of the pages.

Mail programs do not support variables, so the style sheets are written with those of
``style/tokens.css``, and their values are put in here. The dark variant follows from the light one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from canvas_sync_exporter.rendering import TEMPLATES

__all__ = ["EmailStyles", "email_styles"]

_ROOT: Final = re.compile(r":root \{(.*?)\}", re.DOTALL)
_TOKEN: Final = re.compile(r"--([\w-]+): *(#[0-9a-f]+)")
_VARIABLE: Final = re.compile(r"var\(--([\w-]+)\)")
_RULE: Final = re.compile(r"([^{}]+)\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class EmailStyles:
    """Styles as CSS.

    Attributes:
        inline: Rules for the elements themselves.
        phone: Rules for narrow screens, in a media query.
        dark: Rules for dark screens, in a media query.
    """

    inline: str
    phone: str
    dark: str


@cache
def email_styles() -> EmailStyles:
    """Return the styles."""
    base, phone = (_read(f"messages/{name}.css") for name in ("email", "email_phone"))
    light, dark, *_ = (
        dict(_TOKEN.findall(block)) for block in _ROOT.findall(_read("style/tokens.css"))
    )
    return EmailStyles(
        inline=_colored(base, light),
        phone=f"@media (max-width: 520px) {{\n{_colored(_important(phone), light)}}}",
        dark=f"@media (prefers-color-scheme: dark) {{\n"
        f"{_colored(_important(base + phone, only_colors=True), dark)}}}",
    )


def _read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def _colored(css: str, colors: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda match: colors[match[1]], css)


def _important(css: str, *, only_colors: bool = False) -> str:
    """Let rules win over the ``style`` attributes of the elements."""
    rules = []
    for selector, block in _RULE.findall(css):
        declarations = [each.strip() for each in block.split(";") if each.strip()]
        used = [each for each in declarations if "var(" in each or not only_colors]
        if used:
            rules.append(f"{selector.strip()} {{ {' !important; '.join(used)} !important; }}\n")
    return "".join(rules)
