"""Blocks of Slack: within its limits, escaped, and readable on a phone."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.messages.channels.block_kit import (
    blocks_of,
    escape,
    notification_text,
    text_only,
)
from canvas_sync_exporter.messages.content import Content
from support.message_contents import DAILY, INCIDENT, contents, with_error
from support.slack_server import check_blocks, texts_of, visible


def _shown(content: Content) -> str:
    return "\n".join(map(visible, texts_of(blocks_of(content))))


def test_an_incident_is_shown_whole() -> None:
    shown = _shown(INCIDENT)
    for text in (
        INCIDENT.title,
        INCIDENT.summary,
        INCIDENT.footer,
        "Critical",
        "Open the incident",
    ):
        assert text in shown
    for section in INCIDENT.sections:
        assert section.title in shown
        assert all(each in shown for each in section.paragraphs)
        assert all(f"*{each.name}*\n{each.value}" in shown for each in section.facts)


def test_a_link_leads_where_it_should() -> None:
    texts = texts_of(blocks_of(INCIDENT))
    assert any("<https://monitor.example.edu/incidents/41|Open the incident>" in t for t in texts)
    assert any("canvas?from=1&amp;to=2|Grafana>" in text for text in texts)


def test_a_narrow_table_is_aligned() -> None:
    (code,) = [text for text in texts_of(blocks_of(DAILY)) if "Canvas refused" in text]
    assert code == (
        "```\n"
        "Cause                     Runs\n"
        "Canvas refused the token     1\n"
        "```"
    )  # fmt: skip


def test_a_wide_table_has_a_line_for_each_cell() -> None:
    (code,) = [text for text in texts_of(blocks_of(DAILY)) if "incremental" in text]
    assert "✖ full\n  Runs       2\n  Succeeded  50.0 %\n" in code
    assert "\n▲ grades\n" in code
    assert code.endswith("✓ OK  ▲ Warning  ✖ Critical\n```")


def test_no_line_of_a_table_is_too_long_for_a_phone() -> None:
    for code in texts_of(blocks_of(with_error("word " * 100, rows=3))):
        if code.startswith("```"):
            assert all(len(line) <= 38 for line in code.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "<!channel> <!here> <!everyone>",
        "<@U12345678> <#C12345678> <!subteam^S1>",
        "<http://evil.example|click>",
        "a|b> <b",
        "&lt;!channel&gt; & &amp;",
        "``` ` ```",
        "\u202egnp.exe \u2066 \x1b[31m \0 \u2028 \ud800",
        ":rotating_light: :100: :+1:",
        "*bold* _italic_ ~gone~ ```code```",
        "> quote\n> quote",
    ],
)
@pytest.mark.parametrize("count", [1, 500])
def test_no_value_can_mention_format_or_link(text: str, count: int) -> None:
    content = with_error(text * count, rows=100)
    blocks = blocks_of(content)
    assert check_blocks(blocks) == []
    for sent in (*texts_of(blocks), notification_text(content), text_only(content)):
        assert "<!" not in sent
        assert "<@" not in sent
        assert not re.search(r"<(?!https://monitor\.example\.edu/)", sent)


@pytest.mark.parametrize("text", ["*bold*", "a *bold* b", "_it_", "~x~", "`x`", ":smile:", "> x"])
def test_formatting_stands_between_spaces_without_width(text: str) -> None:
    escaped = escape(text)
    assert visible(escaped) == text
    assert not re.search(r"(^|\s)[*_~`]\S|\S[*_~`](\s|$)|:smile:|^&gt;", escaped)


@pytest.mark.parametrize(
    "text", ["nightly_full_sync", "2*3", "10:15:30", "a~b", "core.sync:fetch:88"]
)
def test_names_and_times_can_be_copied(text: str) -> None:
    assert escape(text).replace("\u200b", "") == text
    if ":" not in text:
        assert escape(text) == text


def test_3_mb_are_cut_with_a_mark() -> None:
    shown = _shown(with_error("x" * 3_000_000))
    assert "… (cut, 3,000,000 characters)" in shown


def test_a_thousand_rows_are_cut_with_a_mark() -> None:
    shown = _shown(with_error("some error", rows=1000))
    rows = len(re.findall(r"^sync-\d+", shown, re.MULTILINE))
    assert rows >= 10
    assert f"… {1000 - rows} more rows" in shown


@given(contents())
def test_every_content_is_within_the_limits(content: Content) -> None:
    assert check_blocks(blocks_of(content)) == []
    assert len(notification_text(content)) <= 3000
    assert 1 <= len(text_only(content)) <= 3000


@given(st.text())
def test_every_text_is_shown_as_it_is(text: str) -> None:
    assert visible(escape(text)) == text.replace("\u200b", "")
