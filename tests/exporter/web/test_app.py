"""What holds for the whole app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.problems import problem_of

if TYPE_CHECKING:
    from .conftest import Exporter


@pytest.mark.parametrize("path", ["/nothing", "/api/canvas/metrics/nothing", "/api/canvas/metrics"])
def test_an_unknown_path_is_a_problem_too(shared_exporter: Exporter, path: str) -> None:
    answer = shared_exporter.get(path)
    if answer.status_code == 308:
        answer = shared_exporter.get(path + "/")
    problem_of(answer, 404)


def test_a_page_of_a_foreign_site_is_refused(shared_exporter: Exporter) -> None:
    for path in ("/metrics", "/api/canvas/metrics/recent", "/api/canvas/docs", "/"):
        problem_of(shared_exporter.get(path, headers={"Host": "rebound.example.org"}), 403)
