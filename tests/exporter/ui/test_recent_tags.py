"""Answers a poll for a page that was rendered a moment ago without rendering it again."""

from __future__ import annotations

from werkzeug.datastructures import ETags

from canvas_sync_exporter.ui.recent_tags import RecentTags


def nothing_changes() -> object:
    return "as it was"


def test_a_client_with_the_page_as_it_was_rendered_is_known_for_two_seconds() -> None:
    now = 100.0
    tags = RecentTags(lambda: now)
    tags.note("page", "abc")
    assert tags.find("page", ETags(weak_etags=["abc"]), nothing_changes) == "abc"
    assert tags.find("page", ETags(weak_etags=["other"]), nothing_changes) is None
    assert tags.find("page", ETags(), nothing_changes) is None
    assert tags.find("another page", ETags(weak_etags=["abc"]), nothing_changes) is None
    now += 2
    assert tags.find("page", ETags(weak_etags=["abc"]), nothing_changes) is None


def test_a_page_is_known_for_half_a_minute_while_nothing_changes() -> None:
    now, state = 100.0, "before"
    tags = RecentTags(lambda: now)
    known = ETags(weak_etags=["abc"])
    tags.note("page", "abc", state)
    now += 29
    assert tags.find("page", known, lambda: state) == "abc"
    assert tags.find("page", ETags(weak_etags=["other"]), lambda: state) is None
    state = "after"
    assert tags.find("page", known, lambda: state) is None
    tags.note("page", "abc", state)
    now += 30
    assert tags.find("page", known, lambda: state) is None


def test_after_a_change_every_page_is_rendered_again() -> None:
    tags = RecentTags(lambda: 0.0)
    tags.note("page", "abc")
    tags.forget()
    assert tags.find("page", ETags(weak_etags=["abc"]), nothing_changes) is None


def test_only_the_newest_pages_are_remembered() -> None:
    tags = RecentTags(lambda: 0.0)
    for number in range(600):
        tags.note(number, "abc")
    assert tags.find(0, ETags(weak_etags=["abc"]), nothing_changes) is None
    assert tags.find(599, ETags(weak_etags=["abc"]), nothing_changes) == "abc"
