"""What the URL of a request says, apart from its query."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_core.canvas import targets
from canvas_sync_core.canvas.graphql import is_graphql_path
from canvas_sync_core.canvas.hosts import host_of
from canvas_sync_core.canvas.paging import address_of
from canvas_sync_core.canvas.routes import match_route
from canvas_sync_core.canvas.targets import Target, target_of

HOSTS = st.sampled_from(["canvas.test", "Canvas.Test:443", "me:word@canvas.test", "[::1]:8080", ""])
PATHS = st.lists(
    st.sampled_from(
        ["api", "v1", "courses", "graphql", "7", "sis_course_id:x", "", "%2F", "a.json"]
    )
).map(lambda words: "/" + "/".join(words))


@given(st.sampled_from(["http", "https"]), HOSTS, PATHS, st.sampled_from(["", "page=2"]))
def test_a_target_consists_of_what_its_parts_are_read_as(
    scheme: str, host: str, path: str, query: str
) -> None:
    url = SplitResult(scheme, host, path, query, "")
    match = match_route(path)
    assert target_of(url) == Target(
        host=host_of(url),
        route=match.route,
        path=match.path,
        is_graphql=is_graphql_path(path),
        first_page=address_of(url._replace(query="")),
    )


def test_neither_a_password_nor_a_query_nor_a_long_path_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cached: list[tuple[str, ...]] = []
    found = targets._found

    def known(*parts: str) -> Target:
        cached.append(parts)
        return found(*parts)

    monkeypatch.setattr(targets, "_known", known)
    for url in (
        "https://me:word@canvas.test/api/v1/courses?access_token=x",
        "https://a/" + "a" * 999,
    ):
        target_of(urlsplit(url))
    assert cached == [("https", "canvas.test", "/api/v1/courses")]
