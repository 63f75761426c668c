"""Values in quotation marks are masked one by one, and the sentence around them stays."""

from __future__ import annotations

import pytest

from canvas_sync_core.canvas.quoted_values import MASK, end_of_value, mask_quoted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("student 'Ada' has no grade", f"student {MASK} has no grade"),
        ('student "Ada" has no grade', f"student {MASK} has no grade"),
        ("student \u2018Ada\u2019 has no grade", f"student {MASK} has no grade"),
        ("student \u201cAda\u201d has no grade", f"student {MASK} has no grade"),
        ("student \u201eAda\u201c has no grade", f"student {MASK} has no grade"),
        ("student \xabAda\xbb has no grade", f"student {MASK} has no grade"),
        ("'Ada' and 'Bob'", f"{MASK} and {MASK}"),
        ("'Sinead O'Brien' failed", f"{MASK} failed"),
        ("'James' Book' is gone", f"{MASK} is gone"),
        ("'James' Book' and 'Ada' are gone", f"{MASK} and {MASK} are gone"),
        ("'a \\' b' is gone", f"{MASK} is gone"),
        ("'never closed", MASK),
        ("\xabnever closed", MASK),
        ("b'raw' or u'text'", f"b{MASK} or u{MASK}"),
        ("it isn't Ada's", "it isn't Ada's"),
        ("<class 'app.Student'> is odd", "<class 'app.Student'> is odd"),
        ("nothing quoted", "nothing quoted"),
        ("", ""),
    ],
)
def test_each_value_is_masked_and_nothing_else(text: str, expected: str) -> None:
    assert mask_quoted(text, lambda _: False) == expected


def test_a_known_text_stays_with_its_marks() -> None:
    text = "column 'due_at' of 'Ada' is \u201cdue_at\u201d"
    assert mask_quoted(text, "due_at".__eq__) == f"column 'due_at' of {MASK} is \u201cdue_at\u201d"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'Ada' is late", "'Ada'"),
        ("'James' Book' is late", "'James' Book'"),
        ("'James' Book' of 'Ada'", "'James' Book'"),
        ("\xabAda\xbb is late", "\xabAda\xbb"),
        ("'Ada", "'Ada"),
    ],
)
def test_where_a_value_ends(text: str, value: str) -> None:
    assert end_of_value(text, 0) == len(value)
