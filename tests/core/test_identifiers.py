"""Names of the machine and random ones, which cannot fail."""

from __future__ import annotations

import random

import pytest

from canvas_sync_core import identifiers
from canvas_sync_core.identifiers import host_name, random_hex


def refuse(*_: object) -> None:
    raise OSError("not permitted")


def not_utf8() -> None:
    b"\xff".decode()


@pytest.mark.parametrize("answer", [refuse, not_utf8, lambda: None, lambda: "", lambda: b"sync-1"])
def test_a_machine_that_cannot_say_its_name_is_unknown(
    answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", answer)
    assert host_name() == "unknown"


@pytest.mark.parametrize("error", [OSError, NotImplementedError])
def test_random_names_need_no_random_bytes_of_the_system(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> bytes:
        raise error

    monkeypatch.setattr(identifiers, "_urandom", fail)
    random.seed(7)
    names = {random_hex(16) for _ in range(100)}
    random.seed(7)
    names |= {random_hex(16) for _ in range(100)}
    assert {len(name) for name in names} == {32}
    assert len(names) == 200
