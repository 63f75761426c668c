"""The Link header is read as RFC 8288 has it, and no garbage breaks the reader."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.canvas.paging import address_of, parse_link_header


def test_the_relations_of_a_canvas_page_are_read() -> None:
    value = (
        '<https://c.test/api/v1/courses?page=1&per_page=10>; rel="current",'
        '<https://c.test/api/v1/courses?page=bookmark:W10&per_page=10>; rel="next",'
        '<https://c.test/api/v1/courses?page=1&per_page=10>; rel="first"'
    )
    assert parse_link_header(value) == {
        "current": "https://c.test/api/v1/courses?page=1&per_page=10",
        "next": "https://c.test/api/v1/courses?page=bookmark:W10&per_page=10",
        "first": "https://c.test/api/v1/courses?page=1&per_page=10",
    }


@pytest.mark.parametrize(
    ("value", "links"),
    [
        ("<a>; rel=next", {"next": "a"}),
        ('<a,b;c="d">; rel="next"', {"next": 'a,b;c="d"'}),
        ('<a>; title="x, <y>; rel=\\"z\\""; rel="next"', {"next": "a"}),
        ('<a>; rel="first  NEXT"', {"first": "a", "next": "a"}),
        ('<a>; rel="next"; rel="prev"', {"next": "a"}),
        ('<a>; rel="next", <b>; rel="next"', {"next": "a"}),
        ("<a> ; REL = next , <b>; rel=last", {"next": "a", "last": "b"}),
        ("<a>; nofollow; rel=next", {"next": "a"}),
        ('<a>; rel="ne\\xt"', {"next": "a"}),
        ("<a>", {}),
        ("<a>; rel", {}),
        ("a; rel=next", {}),
        ("<a; rel=next", {}),
        ("", {}),
        (", ,<a>;rel=next", {"next": "a"}),
    ],
)
def test_the_grammar_of_the_header(value: str, links: dict[str, str]) -> None:
    assert parse_link_header(value) == links


@given(st.text(alphabet='<>;,="\\ relnxt', max_size=200))
def test_no_header_breaks_the_reader(value: str) -> None:
    for relation, target in parse_link_header(value).items():
        assert relation
        assert f"<{target}>" in value


URLS = st.text(st.characters(exclude_characters="<>", exclude_categories=["Cs"]), max_size=40)


@given(st.dictionaries(st.sampled_from(["current", "next", "prev", "first", "last"]), URLS))
def test_what_is_written_is_read(links: dict[str, str]) -> None:
    value = ", ".join(f'<{url}>; rel="{relation}"' for relation, url in links.items())
    assert parse_link_header(value) == links


@pytest.mark.parametrize(
    "same",
    [
        "https://canvas.test//api/v1/courses?state=all",
        "https://canvas.test/api//v1/courses?state=all",
        "https://canvas.test/api/v1/courses.json?state=all",
        "https://canvas.test/api/v1/courses/?state=all",
        "https://canvas.test:443/api/v1/courses?state=all&state=all",
        "https://canvas.test/api/v1/courses?&state=all&",
        "https://canvas.test/api/v1/courses?access_token=s3cret&state=all",
        "https://canvas.test/api/v1/courses?state=%61ll&page=1",
    ],
)
def test_the_spelling_of_an_address_does_not_make_it_another(same: str) -> None:
    address = address_of(urlsplit("https://canvas.test/api/v1/courses?state=all"))
    assert address_of(urlsplit(same)) == address
