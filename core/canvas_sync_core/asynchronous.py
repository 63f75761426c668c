"""Distinguishing exceptions raised into our code from those that our code raised.

Signal handlers and ``PyThreadState_SetAsyncExc`` raise in whatever code the thread happens to
execute: the soft time limit of a Celery task may expire while a log line is written. Such an
exception belongs to the sync. Python's documentation calls it asynchronous.

The traceback shows where it came from. Between two instructions, the interpreter checks for signals
and for PyThreadState_SetAsyncExc only at the start of a function, at a backward jump and after a
call. C code may check for signals within any instruction that uses an object, as a lock does in a
``with`` statement. A signal handler receives the frame that it interrupts; one written in C leaves
no frame of its own. If a case remains ambiguous, the exception is treated as the sync's.
"""

from __future__ import annotations

import dis
import inspect
import itertools
import signal
import threading
import time
from collections.abc import Iterator
from functools import partial
from types import CodeType, FrameType, FunctionType, MethodType, TracebackType
from typing import Any, Final

__all__ = ["is_asynchronous", "raise_if_asynchronous"]

_ONLY_INTERRUPTED: Final = frozenset({"RESUME", "JUMP_BACKWARD"})
"""Instructions that look for signals and can raise nothing else."""
_CALLS: Final = ("CALL", "PRECALL", "POP_JUMP_BACKWARD")
"""How the other instructions begin that raise what PyThreadState_SetAsyncExc was given."""
_RAISE: Final = "RAISE_VARARGS"
"""The ``raise`` statement: the one instruction that raises only what stands in the code."""
_WITHOUT_ARGUMENTS: Final = (MemoryError, StopIteration)
"""What C code raises in the same shape as PyThreadState_SetAsyncExc: without arguments."""
_SLEEP_IN: Final = ("eventlet.greenthread", "gevent.hub")
"""Modules whose ``sleep`` replaces that of ``time``."""

_traceback_of: Final[Any] = BaseException.__dict__["__traceback__"].__get__
_cause_of: Final[Any] = BaseException.__dict__["__cause__"].__get__
# Bypass the error's own class, which may be the app's and may override attribute access.

_Site = tuple[FrameType, str]


def is_asynchronous(error: BaseException) -> bool:
    """Return whether ``error`` was raised into our code and so belongs to the sync.

    Call it where ``error`` is caught: it reads the traceback from that point.
    """
    if not issubclass(type(error), Exception):
        return True  # KeyboardInterrupt, and what event loops and greenlets raise
    sites = list(_sites(_traceback_of(error)))
    if any(name in _ONLY_INTERRUPTED for _, name in sites) or _is_by_handler(sites):
        return True
    if sites and _is_ambiguous(error, sites[-1][1]):
        return True
    cause = _cause_of(error)
    return cause is not None and is_asynchronous(cause)


def raise_if_asynchronous(error: BaseException) -> None:
    """Raise ``error`` again if it is asynchronous; call it first where errors are handled."""
    if is_asynchronous(error):
        raise error


def _sites(entry: TracebackType | None) -> Iterator[_Site]:
    """Return each frame of a traceback with the instruction at which it was left."""
    while entry is not None:
        yield entry.tb_frame, _instruction(entry.tb_frame.f_code, entry.tb_lasti)
        entry = entry.tb_next


def _instruction(code: CodeType, offset: int) -> str:
    """Name the instruction at ``offset``, or the one that the prefix there belongs to."""
    instructions = code.co_code
    while 0 <= offset < len(instructions):
        name = dis.opname[instructions[offset]]
        if name != "EXTENDED_ARG":
            return name
        offset += 2
    return ""


def _is_by_handler(sites: list[_Site]) -> bool:
    """Return whether a frame belongs to a signal handler or to a sleeping greenlet."""
    codes = {
        code for handler in [*_handlers(), *_sleep()] if (code := _code_of(handler)) is not None
    }
    return any(
        frame.f_code in codes or _is_given(frame, interrupted)
        for (interrupted, _), (frame, _) in itertools.pairwise(sites)
    )


def _is_given(frame: FrameType, interrupted: FrameType) -> bool:
    """Return whether a function was given the frame that called it, as signal handlers are.

    So it seems too when it has deleted one of its arguments, as handlers do with those that they
    do not need.
    """
    code, values = frame.f_code, frame.f_locals
    count = code.co_argcount + code.co_kwonlyargcount
    further = bool(code.co_flags & inspect.CO_VARARGS) + bool(
        code.co_flags & inspect.CO_VARKEYWORDS
    )
    for name in code.co_varnames[: count + further]:
        if name not in values:
            return True
        value = values[name]
        if value is interrupted:
            return True
        if type(value) is tuple and any(each is interrupted for each in value):
            return True
    return False


def _is_ambiguous(error: BaseException, instruction: str) -> bool:
    """Return whether ``error`` need not come from the work that ``instruction`` did."""
    if issubclass(type(error), OSError) and getattr(error, "errno", None) is not None:
        return False  # a system call failed
    if instruction.startswith(_CALLS) and _is_made_without_arguments(error):
        return True
    return instruction != _RAISE and _may_be_of_c_handler()


def _is_made_without_arguments(error: BaseException) -> bool:
    """Return whether ``error`` is what PyThreadState_SetAsyncExc makes of its class."""
    if issubclass(type(error), _WITHOUT_ARGUMENTS):
        return False
    try:
        return type(error)().args == error.args
    except Exception:  # noqa: BLE001 - the app's own class, which needs arguments
        return False


def _may_be_of_c_handler() -> bool:
    """Return whether this thread runs signal handlers and one leaves no frame in a traceback."""
    return threading.current_thread() is threading.main_thread() and any(
        _code_of(handler) is None for handler in _handlers()
    )


def _handlers() -> list[object]:
    handlers = map(signal.getsignal, signal.valid_signals())
    return [each for each in handlers if callable(each) and each is not signal.default_int_handler]


def _sleep() -> list[object]:
    """Give the function that greenlets sleep by: what it raises, another greenlet has thrown."""
    module = getattr(time.sleep, "__module__", None)
    return [time.sleep] if module in _SLEEP_IN else []


def _code_of(handler: object) -> CodeType | None:
    """Return the code object of a handler; None if it is not Python code."""
    if isinstance(handler, partial):
        return _code_of(handler.func)
    if isinstance(handler, MethodType):
        return _code_of(handler.__func__)
    if isinstance(handler, FunctionType):
        return handler.__code__
    method = inspect.getattr_static(type(handler), "__call__", None)
    return method.__code__ if isinstance(method, FunctionType) else None
