"""Where in the app's own code an error was, without any value."""

from __future__ import annotations

import contextlib
import copy
import json
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from canvas_sync_instrumentation.error_description import error_info, error_of_text

MODULE = __name__


def raised(fail: Callable[[], object]) -> BaseException:
    with pytest.raises(BaseException) as caught:  # noqa: PT011 - of any kind
        fail()
    return caught.value


def names(error: BaseException) -> list[str]:
    """The functions of this file among the places."""
    locations = [location.split(":") for location in error_info(error).traceback]
    return [function for module, function, line in locations if module == MODULE and line.isdigit()]


def save(row: dict[str, object]) -> None:
    row["grader_id"]


def sync() -> None:
    save({})


def test_the_places_lead_from_the_outermost_to_the_innermost() -> None:
    assert names(raised(sync)) == ["raised", "sync", "save"]


def test_a_place_is_module_function_and_line() -> None:
    error = raised(sync)
    line = save.__code__.co_firstlineno + 1
    assert error_info(error).traceback[-1] == f"{MODULE}:save:{line}"


def test_neither_python_nor_installed_packages_are_among_the_places() -> None:
    error = raised(lambda: json.loads("{"))
    modules = {location.partition(":")[0] for location in error_info(error).traceback}
    assert modules == {MODULE}


def test_an_error_that_was_never_raised_has_the_place_that_reports_it() -> None:
    assert (
        error_info(ValueError("x"))
        .traceback[-1]
        .startswith(f"{MODULE}:test_an_error_that_was_never_raised_has_the_place_that_reports_it:")
    )
    assert "test_an_error_that_was" in error_of_text("no dates").traceback[-1]


def test_an_error_caught_inside_a_library_has_the_place_that_called_it() -> None:
    code = compile("1 / 0", str(Path(json.__file__)), "exec")
    error = raised(lambda: exec(code, {"__name__": "json"}))
    assert error.__traceback__ is not None
    innermost = error.__traceback__
    while innermost.tb_next is not None:
        innermost = innermost.tb_next
    bare = error.with_traceback(innermost)
    locations = error_info(bare).traceback
    assert "test_an_error_caught_inside_a_library" in locations[-1]


def test_the_places_of_a_cause_follow() -> None:
    def wrap() -> None:
        try:
            sync()
        except KeyError as error:
            raise RuntimeError("not saved") from error

    found = names(raised(wrap))
    assert found[-2:] == ["sync", "save"]
    assert found[0] == "raised"


def test_the_places_of_the_members_of_a_group_are_there() -> None:
    error = raised(sync)
    assert isinstance(error, KeyError)

    def fail() -> None:
        raise ExceptionGroup("two", [error, ValueError("x")])

    assert names(raised(fail))[-1] == "save"


def recurse(depth: int) -> int:
    return recurse(depth - 1) + 1 if depth else 1 // 0


def test_a_deep_recursion_costs_little_and_leaves_few_places() -> None:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        error = raised(lambda: recurse(15_000))
    finally:
        sys.setrecursionlimit(limit)
    costs: list[float] = []
    for _ in range(3):  # a garbage collection of all the tests' objects may fall into one
        start = time.thread_time()
        error_info(error)
        costs.append(time.thread_time() - start)
    assert min(costs) < 0.2
    locations = error_info(error).traceback
    assert 3 <= len(locations) <= 20
    assert locations[-1].startswith(f"{MODULE}:recurse:")


def test_a_recursion_inside_python_does_not_hide_the_places_of_the_app() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    error = raised(lambda: copy.deepcopy(nested))
    assert isinstance(error, RecursionError)
    assert names(error)[0] == "raised"


def test_code_without_a_file_has_its_module_and_no_text() -> None:
    error = raised(lambda: exec("def run():\n 1 / 0\nrun()", {"__name__": "plugin"}))
    assert error_info(error).traceback[-2:] == ("plugin:<module>:3", "plugin:run:2")


def test_a_name_that_no_code_has_is_left_out() -> None:
    error = raised(lambda: exec("1 / 0", {"__name__": "Ada Smith"}))
    assert error_info(error).traceback[-1] == "?:<module>:1"
    error = raised(lambda: exec("1 / 0", {"__name__": 5}))
    assert error_info(error).traceback[-1] == "?:<module>:1"


def test_a_syntax_error_has_the_place_of_the_import() -> None:
    def load() -> None:
        compile("sync(", "<string>", "exec")

    assert (
        names(raised(load))[-1] == "test_a_syntax_error_has_the_place_of_the_import.<locals>.load"
    )


def test_an_app_that_is_installed_has_its_places_too(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "school_sync"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "job.py").write_text(
        textwrap.dedent(
            """
            import sys
            from canvas_sync_instrumentation.error_description import error_info

            def main():
                try:
                    int("x")
                except ValueError as error:
                    print(*error_info(error).traceback)
            """
        )
    )
    code = f"import sys; sys.path.insert(0, {str(package.parent)!r})\n"
    (tmp_path / "start.py").write_text(code)
    environ = {"PYTHONPATH": str(package.parent)}
    script = Path(sys.executable).parent / "school-sync-of-the-tests"
    script.write_text("from school_sync.job import main\nmain()\n")
    with contextlib.ExitStack() as stack:
        stack.callback(script.unlink)
        done = subprocess.run(
            [sys.executable, str(script)],
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=60,
        )
    locations = ["school_sync.job:main:9", "school_sync.job:main:7"]
    assert done.stdout.split() == locations, "not the script that pip makes"


def test_no_value_of_a_variable_is_in_a_place() -> None:
    def fail(name: str) -> None:
        secret = name * 2
        raise RuntimeError(len(secret))

    info = error_info(raised(lambda: fail("zq-secret")))
    assert "zq-secret" not in repr(info)


def test_the_decorators_that_sqlalchemy_generates_are_not_the_apps_code() -> None:
    session = Session(sa.create_engine("sqlite://"))
    sa.event.listen(session, "before_commit", lambda _: 1 / 0)
    locations = error_info(raised(session.commit)).traceback
    assert {location.partition(":")[0] for location in locations} == {MODULE}
