"""The colours of pages and charts."""

from __future__ import annotations

import re

import pytest

from canvas_sync_exporter.rendering import TEMPLATES


def luminance(colour: str) -> float:
    """The relative luminance of WCAG 2."""
    digits = colour if len(colour) == 6 else "".join(digit * 2 for digit in colour)
    shares = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1, 2], ids=["light", "dark", "paper"])
def test_all_text_has_enough_contrast_with_its_background(theme: int) -> None:
    style = (TEMPLATES / "style" / "tokens.css").read_text(encoding="utf-8")
    block = style.split(":root {")[theme + 1].split("}")[0]
    colours = dict(re.findall(r"--([\w-]+): #([0-9a-f]+)", block))
    behind = {"page", "card", "red-tint", "amber-tint", "green-tint"}
    for ink in ("text", "faint", "blue", "green", "amber", "red", "purple", "gray"):
        for paper in behind if ink in {"text", "amber", "red"} else {"page", "card"}:
            assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
    for mark in ("blue", "red", "amber-fill", "series-0", "series-1", "series-2"):
        least = 2.0 if mark == "amber-fill" else 3.0  # its word is beside it
        assert contrast(colours[mark], colours["card"]) >= least, mark
