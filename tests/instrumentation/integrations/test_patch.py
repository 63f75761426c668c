"""A function of another library runs our wrapper, whatever stands in its place."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any
from unittest import mock

import httpx
import pytest
import requests

from canvas_sync_instrumentation.integrations._patch import Args, Kwargs, Patch, Wrapper

SEND = requests.Session.send
CODE = SEND.__code__


def noting(notes: list[str]) -> Callable[[Callable[..., Any]], Wrapper[Any]]:
    def wrap(function: Callable[..., Any]) -> Wrapper[Any]:
        def wrapper(args: Args, kwargs: Kwargs) -> Any:
            notes.append("seen")
            return function(*args, **kwargs)

        return wrapper

    return wrap


def send(function: Callable[..., Any] = SEND, session: requests.Session | None = None) -> None:
    with pytest.raises(ValueError, match="You can only send PreparedRequests"):
        function(session or requests.Session(), requests.Request())


def test_code_that_kept_the_function_from_before_the_patch_calls_the_wrapper_too() -> None:
    notes: list[str] = []
    patch = Patch("requests.sessions", "Session.send", noting(notes))
    patch.apply("us")
    assert requests.Session.send is SEND
    send(SEND)
    assert notes == ["seen"]
    patch.remove("us")
    assert SEND.__code__ is CODE
    send(SEND)
    assert notes == ["seen"]


def test_it_stays_until_its_last_user_goes_and_wraps_once() -> None:
    notes: list[str] = []
    patch = Patch("requests.sessions", "Session.send", noting(notes))
    for user in ("one", "other", "one"):
        patch.apply(user)
    patch.remove("one")
    send()
    patch.remove("other")
    send()
    assert notes == ["seen"]


def test_the_function_keeps_its_signature_and_its_kind() -> None:
    before = inspect.signature(SEND), inspect.getfullargspec(SEND)
    patch = Patch("requests.sessions", "Session.send", noting([]))
    kind = Patch("httpx._client", "AsyncClient.send", noting([]))
    patch.apply("us")
    kind.apply("us")
    try:
        assert (inspect.signature(SEND), inspect.getfullargspec(SEND)) == before
        assert inspect.iscoroutinefunction(httpx.AsyncClient.send)
        with pytest.raises(TypeError):
            mock.create_autospec(requests.Session).send()
    finally:
        patch.remove("us")
        kind.remove("us")
    assert vars(SEND) == {}


@pytest.mark.parametrize("autospec", [True, False])
def test_it_is_found_under_a_double_that_does_not_say_what_it_replaced(autospec: bool) -> None:
    notes: list[str] = []
    patch = Patch("requests.sessions", "Session.send", noting(notes))
    with mock.patch("requests.Session.send", autospec=autospec):
        patch.apply("us")
    send()
    patch.remove("us")
    assert notes == ["seen"]
    assert requests.Session.send is SEND


def test_a_function_that_was_patched_before_is_known_and_not_looked_for_again() -> None:
    notes: list[str] = []
    patch = Patch("requests.sessions", "Session.send", noting(notes))
    patch.apply("us")
    patch.remove("us")
    with mock.patch("requests.Session.send"), mock.patch("gc.get_referrers", return_value=[]):
        patch.apply("us")
    send()
    patch.remove("us")
    assert notes == ["seen"]


def test_it_is_found_where_the_class_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(requests.Session):
        def send(self, request: Any, **kwargs: Any) -> Any:
            return super().send(request, **kwargs)

    notes: list[str] = []
    patch = Patch("requests.sessions", "Session.send", noting(notes))
    monkeypatch.setattr("requests.sessions.Session", Other)
    patch.apply("us")
    send(Other.send, Other())
    patch.remove("us")
    assert notes == ["seen"]


def test_code_that_somebody_has_put_over_ours_stays() -> None:
    notes: list[str] = []
    patch = Patch("requests.sessions", "Session.send", noting(notes))
    patch.apply("us")
    ours = SEND.__code__
    try:
        SEND.__code__ = theirs = ours.replace(co_name="theirs")
        patch.remove("us")
        assert SEND.__code__ is theirs
        patch.apply("us")
        send()
        assert notes == ["seen"]
    finally:
        SEND.__code__ = ours
        patch.remove("us")
    assert SEND.__code__ is CODE


@pytest.mark.parametrize(
    ("module", "name"),
    [("requests.sessions", "Session.gone"), ("requests.adapters", "HTTPAdapter.__init__")],
    ids=["no longer there", "with free variables"],
)
def test_a_function_that_cannot_be_patched_is_reported_and_raises_nothing(
    caplog: pytest.LogCaptureFixture, module: str, name: str
) -> None:
    patch = Patch(module, name, noting([]))
    patch.apply("us")
    requests.adapters.HTTPAdapter()
    patch.remove("us")
    assert caplog.messages == [f"{module}.{name} cannot be patched: no hook sees it."]
