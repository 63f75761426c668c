"""Templates escape what is put into them, and name nothing that is missing."""

from __future__ import annotations

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from canvas_sync_exporter.rendering import breakable, render

_HOSTILE = "</title><script>\"&'"


def test_what_is_put_into_a_template_is_escaped_and_markup_is_not() -> None:
    page = render("web/runbook.html", title=_HOSTILE, body=Markup("<h1>Meaning</h1>"))
    assert "<title>&lt;/title&gt;&lt;script&gt;&#34;&amp;&#39;: runbook</title>" in page
    assert "<h1>Meaning</h1>" in page


def test_a_value_that_a_template_misses_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="title"):
        render("web/runbook.html", body="")


def test_paths_may_wrap_after_their_slashes() -> None:
    assert breakable("/api/<id>") == Markup("/<wbr>api/<wbr>&lt;id&gt;")
