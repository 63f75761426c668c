"""What a web page is made of: a view, a template, parameters, and what can be done on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Response

from canvas_sync_exporter.web.auth import Scope
from canvas_sync_exporter.web.context import WebContext
from canvas_sync_exporter.web.parameters import Parameter

from .view import View

__all__ = ["Action", "Feed", "Page", "Sent"]


@dataclass(frozen=True, slots=True)
class Sent:
    """A form that was sent.

    Attributes:
        path: The values in the path, converted by its rule.
        form: The fields.
    """

    path: Mapping[str, Any]
    form: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Action:
    """What a form on a page does; it is sent by POST to ``path``.

    Attributes:
        name: Name of the Flask endpoint, unique among all pages.
        path: Flask rule below the root of the pages: ``incidents/<int:number>/acknowledge``.
        perform: Called with the context, the view of the page and what was sent. If it raises a
            ``ProblemError`` with a ``FieldError`` for each wrong field, the page is shown again
            with them and with what was typed.
        done: One sentence that the page shows after it.
        scope: The scope that a token must cover.
    """

    name: str
    path: str
    perform: Callable[[WebContext, View, Sent], None]
    done: str
    scope: Scope = Scope.ADMIN


@dataclass(frozen=True, slots=True)
class Feed:
    """A response that a page's script or a link asks for, such as a stream or a CSV file.

    Attributes:
        name: Name of the Flask endpoint, unique among all pages.
        path: Flask rule below the root of the pages, such as ``logs/tail``.
        respond: Called with the context and the view, whose ``values`` has the parameters.
        parameters: Its parameters in the query, beside ``from``, ``to`` and ``tz``.
    """

    name: str
    path: str
    respond: Callable[[WebContext, View], Response]
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        name: Name of the Flask endpoint, unique among all pages.
        path: Flask rule below the root of the pages, without a slash in front: ``runs/<run_id>``.
        title: Heading and title; ``View.title`` can be set to another by the view.
        template: Below the folder of templates; it extends ``ui/layout.html``.
        view: Returns the values of the template as a frozen dataclass, which is also the answer in
            JSON. Called with the context and the view of the request, whose ``values`` has the
            parameters. Raises ``ProblemError`` when there is nothing to show.
        parameters: Its parameters in the path and in the query, beside ``from``, ``to``, ``tz``,
            ``format`` and ``done``.
        period: Default of ``from``; None if the page has no range of time.
        in_navigation: Whether the navigation has it.
        is_live: Whether an open page updates itself.
        is_of_one_host: Whether it shows files of this host, which other exporters do not see.
        shows_logs: Whether it reads the log folder, so that a new line may change it.
        actions: What its forms do.
        feeds: What its scripts and links ask for.
    """

    name: str
    path: str
    title: str
    template: str
    view: Callable[[WebContext, View], Any]
    parameters: tuple[Parameter, ...] = ()
    period: str | None = "7d"
    in_navigation: bool = True
    is_live: bool = True
    is_of_one_host: bool = False
    shows_logs: bool = False
    actions: tuple[Action, ...] = ()
    feeds: tuple[Feed, ...] = ()
