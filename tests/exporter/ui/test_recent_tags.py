"""Answers a poll for a page that was rendered a moment ago without rendering it again."""

from __future__ import annotations

from werkzeug.datastructures import ETags

from canvas_sync_exporter.ui.recent_tags import RecentTags


def test_a_client_with_the_page_as_it_was_rendered_is_known_for_two_seconds() -> None:
    now = 100.0
    tags = RecentTags(lambda: now)
    tags.note("page", "abc")
    assert tags.find("page", ETags(weak_etags=["abc"])) == "abc"
    assert tags.find("page", ETags(weak_etags=["other"])) is None
    assert tags.find("page", ETags()) is None
    assert tags.find("another page", ETags(weak_etags=["abc"])) is None
    now += 2
    assert tags.find("page", ETags(weak_etags=["abc"])) is None


def test_after_a_change_every_page_is_rendered_again() -> None:
    tags = RecentTags(lambda: 0.0)
    tags.note("page", "abc")
    tags.forget()
    assert tags.find("page", ETags(weak_etags=["abc"])) is None


def test_only_the_newest_pages_are_remembered() -> None:
    tags = RecentTags(lambda: 0.0)
    for number in range(600):
        tags.note(number, "abc")
    assert tags.find(0, ETags(weak_etags=["abc"])) is None
    assert tags.find(599, ETags(weak_etags=["abc"])) == "abc"
