"""Long texts in several lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.logs.analysis.wrapping import flowed, wrapped

TEXTS = st.text(alphabet="ab/-. :é", max_size=60)
WIDTHS = st.integers(min_value=1, max_value=30)


def squeezed(text: str) -> str:
    return "".join(text.split())


@given(TEXTS, WIDTHS)
def test_no_line_is_too_wide_and_no_letter_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert all(len(line) <= width for line in lines)
    assert squeezed("".join(lines)) == squeezed(text)


@given(st.lists(TEXTS, max_size=6), WIDTHS)
def test_flowed_texts_stay_in_order_within_the_width(texts: list[str], width: int) -> None:
    lines = list(flowed(texts, width, gap=2))
    assert all(len("  ".join(line)) <= width for line in lines)
    found = "".join(text for line in lines for text in line)
    assert squeezed(found) == squeezed("".join(texts))


def test_a_text_breaks_between_words_and_in_a_path_before_a_slash() -> None:
    assert wrapped("Processing all courses", 16) == ["Processing all", "courses"]
    assert wrapped("/api/v1/courses/:course_id", 18) == ["/api/v1/courses", "/:course_id"]
    assert wrapped("nightly-42-7f015dbd", 12) == ["nightly-42-", "7f015dbd"]


def test_a_word_wider_than_a_line_is_cut() -> None:
    assert wrapped("see " + "x" * 9, 4) == ["see", "xxxx", "xxxx", "x"]


def test_a_text_of_blanks_is_one_empty_line() -> None:
    assert wrapped(" " * 9, 4) == [""]


def test_texts_share_a_line_as_far_as_there_is_room() -> None:
    assert list(flowed(["p50 1 s", "p95 2 s", "max 3 s"], 16, gap=2)) == [
        ["p50 1 s", "p95 2 s"],
        ["max 3 s"],
    ]
