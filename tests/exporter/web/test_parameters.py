"""Parameters of a request: what is read, what is refused, and how all mistakes are named."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from canvas_sync_exporter.web.parameters import (
    Parameter,
    choice,
    duration,
    flag,
    list_limit,
    read_parameters,
    repeatable,
    require_proper_encoding,
    text,
    whole_number,
    zone,
)
from canvas_sync_exporter.web.problems import ProblemError


class State(StrEnum):
    OPEN = "open"
    RESOLVED = "resolved"


STATE = choice("state", "Only in this state.", State)
NAME = text("name", "Only this name.", 5)


def read(*parameters: Parameter, **query: Any) -> dict[str, Any]:
    """Read the parameters of a query."""
    return read_parameters(parameters, {}, MultiDict(query))


def mistakes(*parameters: Parameter, **query: Any) -> dict[str, str]:
    with pytest.raises(ProblemError) as refused:
        read(*parameters, **query)
    assert refused.value.problem.status == 422
    return {each.field: each.detail for each in refused.value.problem.errors}


def test_parameters_that_are_not_given_have_their_defaults() -> None:
    parameters = (list_limit("runs"), STATE, NAME, flag("exact", ""), zone("tz", ""))
    assert read(*parameters) == {
        "limit": 50,
        "state": None,
        "name": None,
        "exact": False,
        "tz": dt.UTC,
    }


@pytest.mark.parametrize(
    ("parameter", "raw", "value"),
    [
        (whole_number("n", "", 0, 7, default=1), "007", 7),
        (STATE, "open", State.OPEN),
        (NAME, "ünï", "ünï"),
        (flag("exact", ""), "true", True),
        (duration("min", ""), "90", 90.0),
        (duration("min", ""), "0.5", 0.5),
        (duration("min", ""), "1h30m", 5400.0),
    ],
)
def test_a_value_is_read(parameter: Parameter, raw: str, value: object) -> None:
    assert read(parameter, **{parameter.name: raw}) == {parameter.name: value}


@pytest.mark.parametrize(
    ("parameter", "raw", "detail"),
    [
        (whole_number("n", "", 1, 7, default=1), "0", "use a whole number from 1 to 7"),
        (whole_number("n", "", 1, 7, default=1), "8", "use a whole number from 1 to 7"),
        (whole_number("n", "", 1, 7, default=1), "²", "use a whole number from 1 to 7"),
        (whole_number("n", "", 1, 7, default=1), "9" * 5000, "use a whole number from 1 to 7"),
        (STATE, "OPEN", "use one of open, resolved"),
        (NAME, "", "use 1 to 5 characters, none of them NUL"),
        (NAME, "sixsix", "use 1 to 5 characters, none of them NUL"),
        (NAME, "a\0", "use 1 to 5 characters, none of them NUL"),
        (flag("exact", ""), "True", "use true or false"),
        (zone("tz", ""), "localtime", "use a time zone such as UTC or Europe/Berlin"),
        (zone("tz", ""), "right/UTC", "use a time zone such as UTC or Europe/Berlin"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_what_to_write(
    parameter: Parameter, raw: str, detail: str
) -> None:
    assert mistakes(parameter, **{parameter.name: raw}) == {parameter.name: detail}


def test_every_mistake_is_named_at_once() -> None:
    assert mistakes(STATE, NAME, state="x", name=["a", "b"], colour="red") == {
        "colour": "unknown parameter; known are name, state",
        "state": "use one of open, resolved",
        "name": "given more than once",
    }
    assert mistakes(colour="red") == {"colour": "unknown parameter; there are none here"}


def test_a_repeatable_parameter_has_each_value_once_and_at_most_fifty() -> None:
    states = repeatable(STATE)
    assert read(states, state=["open", "resolved", "open"]) == {
        "state": (State.OPEN, State.RESOLVED)
    }
    assert read(states) == {"state": ()}
    assert mistakes(states, state=["open"] * 51) == {"state": "given more than 50 times"}


def test_a_former_name_may_be_used_instead_of_the_new_one_but_not_beside_it() -> None:
    moved = Parameter("from", False, "", str, {}, argument="since", former_name="since")
    assert read(moved, since="1h") == read(moved, **{"from": "1h"}) == {"since": "1h"}
    assert mistakes(moved, since="1h", **{"from": "1h"}) == {"since": "given more than once"}


def test_a_required_parameter_must_be_given() -> None:
    required = Parameter("position", False, "", str, {}, is_required=True)
    assert mistakes(required) == {"position": "this parameter is required"}


def test_a_value_in_the_path_is_not_a_parameter_of_the_query() -> None:
    run_id = whole_number("run_id", "", 1, 9)
    path = {"run_id": "3"}
    assert read_parameters([run_id], path, MultiDict()) == {"run_id": 3}
    with pytest.raises(ProblemError, match="run_id"):
        read_parameters([run_id], path, MultiDict({"run_id": "4"}))


def test_what_is_not_utf8_or_wrongly_escaped_is_refused() -> None:
    require_proper_encoding("/ü".encode().decode("latin-1"), b"name=%C3%BC&%C3%BC=1")
    with pytest.raises(ProblemError) as refused:
        require_proper_encoding("/\xff", b"")
    assert refused.value.problem.status == 404
    with pytest.raises(ProblemError) as refused:
        require_proper_encoding("/", b"name=%FF&share=100%&ok=1")
    assert {each.field: each.detail for each in refused.value.problem.errors} == {
        "name": "use UTF-8, percent-encoded",
        "share": "write % percent-encoded, as %25",
    }
