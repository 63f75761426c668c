"""How a run fits into its trace."""

from __future__ import annotations

import pytest

from canvas_sync_instrumentation.run.trace_context import trace_links


def test_the_link_of_a_run_is_to_the_span_that_asked_for_it() -> None:
    (link,) = trace_links({"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
    assert link.context.trace_id == int("ab" * 16, 16)
    assert link.context.span_id == int("cd" * 8, 16)


@pytest.mark.parametrize("headers", [{}, {"x": "y"}, {"traceparent": "00-0-0-01"}])
def test_headers_that_name_no_span_make_no_link(headers: dict[str, str]) -> None:
    assert trace_links(headers) == []
