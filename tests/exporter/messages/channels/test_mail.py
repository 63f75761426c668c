"""E-mails: two parts with the same content, small, escaped, with the headers that threads need."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser

from canvas_sync_exporter.messages.channel import OutgoingMessage
from canvas_sync_exporter.messages.channels.mail import LONGEST_HTML, mail_parts, make_mail
from canvas_sync_exporter.messages.content import Content, Fact, Link, Section, Status, Table
from support.message_contents import DAILY, INCIDENT, RESOLVED, contents, message, with_error

SENDER = "Canvas sync <sync@example.edu>"
NOON = 1_795_953_600.0  # 2026-11-29 12:00 UTC


def _mail(outgoing: OutgoingMessage) -> EmailMessage:
    """Return an e-mail as its recipient parses it."""
    made = make_mail(outgoing, SENDER, ("Admin <admin@example.edu>", "head@example.edu"), NOON)
    parsed = message_from_bytes(made.as_bytes(), policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed.defects == []
    return parsed


def _parts(mail: EmailMessage) -> tuple[str, str]:
    text, html = (mail.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


class Visible(HTMLParser):
    """Collects what a reader sees in HTML on a wide screen."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if self._hidden or tag in ("style", "title") or attributes.get("class") == "label":
            self._hidden.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._hidden:
            self._hidden.pop()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.words.append(data)


def _visible(html: str) -> Visible:
    parser = Visible()
    parser.feed(html)
    return parser


def _texts(content: Content) -> list[str]:
    """Return each text of a content."""
    texts = [content.title, content.summary, content.footer]
    texts += [link.text for link in content.links]
    for section in content.sections:
        texts += [section.title, *section.paragraphs, *(link.text for link in section.links)]
        texts += [text for fact in section.facts for text in (fact.name, fact.value)]
        if section.table is not None:
            texts += [
                *section.table.headings,
                *(cell for row in section.table.rows for cell in row),
            ]
    return texts


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_an_email_has_the_headers_of_an_automatic_message() -> None:
    mail = _mail(message())
    assert mail["Subject"] == INCIDENT.title
    assert mail["From"] == SENDER
    assert [each.addr_spec for each in mail["To"].addresses] == [
        "admin@example.edu",
        "head@example.edu",
    ]
    assert mail["Date"] == "Sun, 29 Nov 2026 12:00:00 +0000"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<mailto:sync@example.edu?subject=unsubscribe>"
    assert re.fullmatch(r"<[0-9a-f]{32}@example\.edu>", mail["Message-ID"])
    assert mail["In-Reply-To"] is None


def test_each_attempt_has_the_same_message_id_and_other_messages_have_others() -> None:
    ids = [_mail(message(key=key))["Message-ID"] for key in ("a", "a", "b")]
    assert ids[0] == ids[1] != ids[2]


def test_a_later_message_replies_to_the_first() -> None:
    first = _mail(message())["Message-ID"]
    mail = _mail(replace(message(RESOLVED), thread=first))
    assert mail["In-Reply-To"] == mail["References"] == first


@pytest.mark.parametrize("thread", ["", "C0:1.1", "<a>\r\nBcc: x@y.z", "<é@a>"])
def test_a_thread_of_another_kind_is_ignored(thread: str) -> None:
    mail = _mail(replace(message(), thread=thread))
    assert mail["In-Reply-To"] is None
    assert mail["Bcc"] is None


def test_a_title_cannot_add_headers() -> None:
    mail = _mail(message(replace(INCIDENT, title="a\r\nBcc: x@example.edu\n\n\u202etxt ü 日本")))
    assert mail["Bcc"] is None
    assert mail["Subject"] == "a Bcc: x@example.edu \\u202etxt ü 日本"


def test_an_email_is_ascii_with_short_lines_and_arrives_in_any_language() -> None:
    content = replace(
        DAILY, title="Zusammenfassung für Köln", summary="日本語 שלום ✓ " + "x" * 3000
    )
    sender, recipient = '"Müller & Söhne, Köln" <sync@example.edu>', '"A, Ü" <a@example.edu>'
    raw = make_mail(message(content), sender, (recipient, "b@example.edu"), NOON).as_bytes()
    assert raw.isascii()
    assert max(map(len, raw.splitlines())) <= 998
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail["Subject"] == content.title
    assert [each.display_name for each in mail["To"].addresses] == ["A, Ü", ""]
    assert str(mail["From"].addresses[0]) == sender
    for part in _parts(mail):
        assert content.summary.strip() in part


def test_a_message_that_may_have_arrived_before_is_marked() -> None:
    for part in _parts(_mail(replace(message(), may_be_repeated=True))):
        assert "You may have received this message before" in part


@pytest.mark.parametrize(
    "content", [INCIDENT, DAILY, RESOLVED], ids=["incident", "daily", "resolved"]
)
def test_both_parts_hold_the_same(content: Content) -> None:
    text, html = _parts(_mail(message(content)))
    seen = " ".join(_visible(html).words)
    for each in _texts(content):
        assert _squeezed(each) in _squeezed(text)
        assert _squeezed(each) in _squeezed(seen)
    figures = r"\d[\d.,:]*"
    urls = re.compile(r"https?://\S+")
    in_text = re.findall(figures, urls.sub("", text))
    assert sorted(in_text) == sorted(re.findall(figures, urls.sub("", seen)))


def test_links_lead_where_they_should() -> None:
    text, html = _parts(_mail(message()))
    hrefs = [attributes["href"] for tag, attributes in _visible(html).tags if tag == "a"]
    expected = [link.url for link in INCIDENT.links]
    expected += [link.url for section in INCIDENT.sections for link in section.links]
    assert hrefs == expected
    assert all(url in text for url in expected)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", ""]
)
def test_a_link_that_leads_to_no_web_page_is_left_out(url: str) -> None:
    _, html = _parts(_mail(message(replace(RESOLVED, links=(Link("Click", url),)))))
    assert "<a" not in html


def test_each_table_without_a_role_is_data_and_there_are_no_images_or_scripts() -> None:
    _, html = _parts(_mail(message(DAILY)))
    tags = _visible(html).tags
    assert not {tag for tag, _ in tags} & {"img", "script", "link", "svg", "iframe", "form", "div"}
    plain = [each for tag, each in tags if tag == "table" and each.get("role") != "presentation"]
    assert len(plain) == 2
    assert "url(" not in html
    assert "var(" not in html


def test_no_value_becomes_markup() -> None:
    evil = '<script>alert(1)</script><img src=x onerror="a">&lt;b&gt; {{ 7*7 }} {% raw %}'
    text, html = _parts(_mail(message(with_error(evil, rows=2))))
    seen = _visible(html)
    assert not {tag for tag, _ in seen.tags} & {"script", "img"}
    assert evil in " ".join(" ".join(seen.words).split())
    assert evil in text


def test_3_mb_are_cut_with_a_mark_in_both_parts() -> None:
    text, html = _parts(_mail(message(with_error("long & <words> " * 200_000))))
    for part in (text, unescape(html)):
        assert "… (cut, 3,000,000 characters)" in part
    assert len(html.encode()) < LONGEST_HTML


def test_a_thousand_rows_are_cut_with_the_same_mark_in_both_parts() -> None:
    text, html = _parts(_mail(message(with_error("some error of some length", rows=1000))))
    seen = " ".join(_visible(html).words)
    rows = len(set(re.findall(r"sync-\d+", text)))
    assert rows == len(set(re.findall(r"sync-\d+", seen)))
    assert rows >= 30
    for part in (text, seen):
        assert f"… {1000 - rows} more rows" in part
    assert len(html.encode()) < LONGEST_HTML


@settings(deadline=None, max_examples=40)
@given(contents())
def test_every_content_becomes_a_small_email(content: Content) -> None:
    text, html = _parts(_mail(message(content)))
    assert len(html.encode()) < LONGEST_HTML
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202a-\u202e\u2066-\u2069]", text + html)


@settings(deadline=None, max_examples=60)
@given(st.text(), st.text())
def test_every_subject_arrives_on_one_line(title: str, key: str) -> None:
    mail = _mail(message(replace(RESOLVED, title=title), key=key))
    assert "\n" not in mail["Subject"]
    assert "\n" not in mail["Message-ID"]


_WIDE = Content(
    kind=DAILY.kind,
    title="A title with averyveryverylongwordthatcannotbreakanywhere_at_all_in_it",
    summary="https://canvas.example.edu/" + "path/" * 60,
    status=Status.CRITICAL,
    sections=(
        Section(
            title="Routes",
            facts=(Fact("averyveryverylongname_of_a_fact_without_spaces", "x" * 300),),
            table=Table(
                ("Route", "Calls", "p50", "p95", "Cost", "Change", "Errors"),
                (
                    (
                        "/api/v1/courses/:course_id/assignments/:id/submissions",
                        *["12,345.6 ms"] * 6,
                    ),
                    ("x" * 100, *["-"] * 6),
                ),
                numeric=frozenset(range(1, 7)),
                statuses=(Status.WARNING, Status.NEUTRAL),
                shares=(0.0, 0.004),
            ),
        ),
        Section(table=Table(("Name", "Value", "Change"), (("x" * 90, "y" * 90, "z" * 90),))),
    ),
    links=(Link("x" * 100, "https://monitor.example.edu/"),),
    footer="Europe/Berlin" * 20,
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 800])
@pytest.mark.parametrize("content", [INCIDENT, DAILY, _WIDE], ids=["incident", "daily", "wide"])
def test_nothing_is_wider_than_the_screen_and_all_can_be_read(
    browser: Browser, content: Content, width: int, scheme: str
) -> None:
    tab = browser.new_page(viewport={"width": width, "height": 600}, color_scheme=scheme)  # type: ignore[arg-type]
    try:
        tab.set_content(mail_parts(content).html)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.evaluate(_LOW_CONTRAST) == []
        assert tab.evaluate(_SMALL) == []
    finally:
        tab.close()


_LEAVES = """[...document.body.querySelectorAll('*')].filter(each =>
        [...each.childNodes].some(node => node.nodeType === 3 && node.data.trim() !== '')
        && each.getClientRects().length && !/^(band|fill|rest)/.test(each.className))"""
_SMALL = f"""{_LEAVES}
    .filter(each => parseFloat(getComputedStyle(each).fontSize) < 12).map(each => each.outerHTML)"""
_LOW_CONTRAST = f"""(() => {{
    const rgb = text => text.match(/[\\d.]+/g).map(Number);
    const light = text => rgb(text).slice(0, 3).map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = element => {{
        for (let each = element; each; each = each.parentElement) {{
            const color = getComputedStyle(each).backgroundColor;
            if ((rgb(color)[3] ?? 1) > 0) return color;
        }}
        return 'rgb(255, 255, 255)';
    }};
    const contrast = each => {{
        const both = [getComputedStyle(each).color, behind(each)].map(light);
        return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
    }};
    return {_LEAVES}.filter(each => contrast(each) < 4.5).map(e => e.outerHTML);
}})()"""


@pytest.mark.parametrize("width", [360, 800])
def test_a_bar_is_as_long_as_its_share(browser: Browser, width: int) -> None:
    table = Table(
        ("Sync", "Runs", "Items", "Failed"),
        tuple((name, "1", "2", "3") for name in "abcde"),
        shares=(0.0, 0.01, 0.5, 0.75, 1.0),
    )
    content = replace(RESOLVED, sections=(Section(table=table),))
    tab = browser.new_page(viewport={"width": width, "height": 600})
    try:
        tab.set_content(mail_parts(content).html)
        shares = tab.evaluate(
            "[...document.querySelectorAll('.bar')].map(bar =>"
            " (bar.querySelector('.fill')?.offsetWidth ?? 0) / bar.offsetWidth)"
        )
        assert shares == pytest.approx([0.0, 0.01, 0.5, 0.75, 1.0], abs=0.03)
    finally:
        tab.close()
