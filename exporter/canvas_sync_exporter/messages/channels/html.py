"""Renders a content as the HTML of an e-mail.

Mail programs are old browsers: the layout is made of tables, styles are attributes of the elements,
and bars are cells. Programs that support media queries get dark colors and a layout for phones.
"""

from __future__ import annotations

from functools import cache

from css_inline import CSSInliner

from canvas_sync_exporter.messages.content import Content
from canvas_sync_exporter.rendering import render

from .email_styles import email_styles
from .status_words import SHAPES, WORDS

__all__ = ["render_html"]


def render_html(content: Content) -> str:
    """Render a content as it is; :mod:`.mail` cuts it before."""
    page = render(
        "messages/email.html",
        content=content,
        words=WORDS,
        shapes=SHAPES,
        styles=email_styles(),
    )
    return _inliner().inline(str(page))


@cache
def _inliner() -> CSSInliner:
    return CSSInliner(load_remote_stylesheets=False, minify_css=True)
