"""Patches functions of client libraries in a way that is compatible with other tools.

OpenTelemetry's hooks, ddtrace, sentry, wrapt and test doubles replace a method of a class with
their own wrapper, and later restore what they found there. If we did the same, the tool that is
switched off first would remove our wrapper, or find it in place of its own and stay on forever. So
we leave the attribute of the class alone: the function object itself gets new code, which calls our
wrapper. Anything that refers to the function (a class, a wrapper around it, a test double) calls
us, and all tools can be switched on and off in any order.
"""

from __future__ import annotations

import functools
import gc
import inspect
import sys
from collections.abc import Callable
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any, Final, TypeVar, cast

from canvas_sync_core.app_log import app_logger
from canvas_sync_core.locks import RLock

__all__ = ["Args", "Kwargs", "Patch", "Wrapper"]

Args = tuple[Any, ...]
Kwargs = dict[str, Any]
_T = TypeVar("_T")
Wrapper = Callable[[Args, Kwargs], _T]

_logger = app_logger("canvas_sync_instrumentation")

_COPY: Final = "__canvas_sync_copy__"
_lock: Final = RLock()


class Patch:
    """A function of another library that can be patched to run a wrapper.

    The wrapper gets the positional arguments as a tuple and the named ones in a dictionary of its
    own: to pack and unpack them once more would take longer than most wrappers do. It must not
    raise exceptions of its own, and must only call the wrapped function unless a user of the patch
    wants more.

    Args:
        module: Where the function is defined.
        name: Its qualified name there, such as ``Session.send``.
        wrap: Creates the wrapper from a function that behaves like the library's.
    """

    def __init__(
        self,
        module: str,
        name: str,
        wrap: Callable[[Callable[..., Any]], Wrapper[Any]],
    ) -> None:
        self._module = module
        self._name = name
        self._wrap = wrap
        self._users: set[object] = set()
        self._function: FunctionType | None = None
        self._known: FunctionType | None = None
        """The function from the last time: looking for one that is replaced visits all objects."""
        self._original_code: CodeType | None = None
        self._code: CodeType | None = None
        """What the function runs while it is patched."""

    @property
    def function(self) -> FunctionType | None:
        """The library's function while it is patched."""
        return self._function

    def apply(self, user: object) -> None:
        """Run the wrapper until every user has removed it.

        A function that cannot be patched, perhaps in another version of the library, is left alone,
        and a warning is logged.
        """
        function = self._function or _find(self._module, self._name, self._known)
        if function is None:
            _logger.warning("%s.%s cannot be patched: no hook sees it.", self._module, self._name)
            return
        with _lock:
            self._users.add(user)
            if self._function is None:
                self._install(function)

    def remove(self, user: object) -> None:
        """Restore the function's own code if no one else uses the patch.

        If another tool has changed the code since, ours stays, because theirs may call it.
        """
        with _lock:
            self._users.discard(user)
            function = self._function
            if function is None or self._users or self._original_code is None:
                return
            if function.__code__ is self._code:
                function.__code__ = self._original_code
                del function.__signature__  # type: ignore[attr-defined]
                self._function = None

    def _install(self, function: FunctionType) -> None:
        self._original_code = function.__code__
        self._code = _calling(self._wrap(_copy(function)), function)
        # Test doubles and other tools inspect the parameters of what they replace.
        function.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        function.__code__ = self._code
        self._function = self._known = function


def _find(module: str, name: str, known: FunctionType | None) -> FunctionType | None:
    """Find the function that a module defined by this name, even if it has been replaced."""
    namespace = vars(import_module(module))

    def is_it(each: Any) -> bool:
        # A wrapt proxy claims to be an instance of what it wraps, but type() reveals it.
        if type(each) is not FunctionType or _COPY in vars(each):
            return False
        is_named = each.__globals__ is namespace and each.__qualname__ == name
        return is_named and not each.__closure__  # our code does not support free variables

    current: object = sys.modules[module]
    for attribute in name.split("."):
        current = getattr(current, attribute, None)
    for candidate in (current, known):
        if is_it(candidate):
            return cast("FunctionType", candidate)
    return next(filter(is_it, _referrers(namespace)), None)


def _referrers(namespace: dict[str, Any]) -> list[Any]:
    """Return what refers to a module's namespace, also after ``gc.freeze()``, as before a fork."""
    if not gc.get_freeze_count():
        return gc.get_referrers(namespace)
    gc.unfreeze()  # get_referrers() passes over frozen objects
    try:
        return gc.get_referrers(namespace)
    finally:
        gc.freeze()


def _copy(function: FunctionType) -> FunctionType:
    """Create a function with the same behaviour and name, marked as a copy."""
    copy = FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )
    functools.update_wrapper(copy, function)
    del copy.__wrapped__  # type: ignore[attr-defined]  # it leads back
    copy.__kwdefaults__ = function.__kwdefaults__
    vars(copy)[_COPY] = True
    return copy


def _call(*args: Any, **kwargs: Any) -> Any:
    wrapper: Any = ...  # a constant of the code, which is replaced
    return wrapper(args, kwargs)


async def _await(*args: Any, **kwargs: Any) -> Any:
    wrapper: Any = ...
    return await wrapper(args, kwargs)


def _calling(wrapper: Wrapper[Any], function: FunctionType) -> CodeType:
    """Create code for ``function`` that calls ``wrapper``.

    The wrapper is a constant of the code, because code in another module cannot see our names.
    """
    code = (_await if inspect.iscoroutinefunction(function) else _call).__code__
    constants = tuple(wrapper if each is ... else each for each in code.co_consts)
    return code.replace(
        co_consts=constants, co_name=function.__name__, co_qualname=function.__qualname__
    )
