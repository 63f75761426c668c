"""Errors and their description."""

from __future__ import annotations

from collections.abc import Callable

from canvas_sync_instrumentation.error_description import error_info

__all__ = ["of_error"]


def of_error(fail: Callable[[], object]) -> str:
    try:
        fail()
    except Exception as error:  # noqa: BLE001 - of any kind
        return error_info(error).message
    raise AssertionError("it did not fail")
