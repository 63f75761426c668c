"""Finds in syntax trees which libraries a project uses, and where it makes its app and its tasks.

Names are followed through the imports of their file only, which is enough for a proposal that a
person reads.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from .source_files import SourceFile, UnreadFile

__all__ = ["CLIENTS", "LIBRARIES", "Mark", "Project", "Role", "detect"]

CLIENTS: Final = ("canvasapi", "requests", "httpx", "aiohttp", "urllib3")
"""Libraries that call Canvas, each with a hook ``instrument_<name>``."""

LIBRARIES: Final = {
    "flask": "Flask",
    "celery": "Celery",
    "apscheduler": "APScheduler",
    "sqlalchemy": "SQLAlchemy",
    "flask_sqlalchemy": "Flask-SQLAlchemy",
    **{name: name for name in CLIENTS},
}
"""Module -> the library's name."""

_OURS: Final = "canvas_sync_instrumentation"
_SERVERS: Final = "aiohttp.web"
_ENGINES: Final = frozenset({"create_engine", "create_async_engine", "engine_from_config"})
_SYNC_TYPED: Final = frozenset({"CanvasSyncMetricsTracker", "canvas_sync_task", "track_sync"})
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class Role(StrEnum):
    """What a place in the code is for."""

    IMPORT = "import"
    FLASK_APP = "flask_app"
    CELERY_APP = "celery_app"
    CELERY_TASK = "celery_task"
    SCHEDULER = "scheduler"
    JOB = "job"
    ENGINE = "engine"
    CANVAS_CALL = "canvas_call"
    OURS = "ours"


_APPS: Final = {
    "flask.Flask": Role.FLASK_APP,
    "celery.Celery": Role.CELERY_APP,
    "canvasapi.Canvas": Role.CANVAS_CALL,
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the code.

    Attributes:
        role: What it is for.
        path: The file, relative to the project.
        line: The first line.
        end_line: The last line of the statement or call.
        name: The module, the variable that it is assigned to, the function, or our own name.
        function: The function that it is in; empty at the top of the module.
    """

    role: Role
    path: Path
    line: int
    end_line: int
    name: str
    function: str = ""


@dataclass(frozen=True, slots=True)
class Project:
    """What was found in the code of a project.

    Attributes:
        marks: The places, in order of files and lines.
        sync_types: The sync types that the code names already.
        unread: Files that could not be read.
    """

    marks: tuple[Mark, ...] = ()
    sync_types: tuple[str, ...] = ()
    unread: tuple[UnreadFile, ...] = ()

    def of(self, role: Role) -> list[Mark]:
        """Return the places with a role."""
        return [mark for mark in self.marks if mark.role is role]

    def imports(self) -> dict[str, Mark]:
        """Return the first import of each library, in the order of :data:`LIBRARIES`."""
        first: dict[str, Mark] = {}
        for mark in self.of(Role.IMPORT):
            first.setdefault(mark.name, mark)
        return {name: first[name] for name in LIBRARIES if name in first}

    def ours(self) -> dict[str, Mark]:
        """Return the first use of each of our functions and classes."""
        first: dict[str, Mark] = {}
        for mark in self.of(Role.OURS):
            first.setdefault(mark.name, mark)
        return first


def detect(sources: Iterable[SourceFile | UnreadFile]) -> Project:
    """Look at each file of a project."""
    marks: list[Mark] = []
    sync_types: dict[str, None] = {}
    unread: list[UnreadFile] = []
    for source in sources:
        if isinstance(source, UnreadFile):
            unread.append(source)
            continue
        module = _Module(source.path, source.tree)
        marks += module.marks()
        sync_types |= dict.fromkeys(module.sync_types)
    libraries = {mark.name for mark in marks if mark.role is Role.IMPORT}
    needed = [mark for mark in marks if _needed_library(mark.role) in {None, *libraries}]
    return Project(tuple(needed), tuple(sync_types), tuple(unread))


def _needed_library(role: Role) -> str | None:
    """Return without which library a place only looks like one, such as another ``@app.task``."""
    return {Role.CELERY_TASK: "celery", Role.JOB: "apscheduler"}.get(role)


@dataclass(slots=True)
class _Module:
    """Looks at one file.

    Attributes:
        path: The file.
        tree: Its syntax tree.
        sync_types: The sync types that it names; filled by :meth:`marks`.
    """

    path: Path
    tree: ast.Module
    sync_types: list[str] = field(default_factory=list)
    _imports: Mapping[str, str] = field(init=False)
    _functions: Mapping[str, _Function] = field(init=False)
    _targets: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        nodes = list(ast.walk(self.tree))
        self._imports = dict(pair for node in nodes for pair in _imported_names(node))
        self._functions = {node.name: node for node in nodes if isinstance(node, _Function)}

    def marks(self) -> list[Mark]:
        """Return the places of the file, by line."""
        found = {
            (mark.role, mark.line, mark.name): mark
            for node, function in _with_functions(self.tree)
            for mark in self._marks_of(node, function)
        }
        return sorted(found.values(), key=lambda mark: mark.line)

    def _marks_of(self, node: ast.AST, function: str) -> Iterator[Mark]:
        match node:
            case ast.Import() | ast.ImportFrom():
                for name in _imported_libraries(node):
                    yield self._mark(Role.IMPORT, node, name, function)
            case ast.Assign(targets=[target]) | ast.AnnAssign(target=target):
                if isinstance(node.value, ast.Call) and (name := _dotted(target)):
                    self._targets[id(node.value)] = name
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield from self._marks_of_decorators(node, function)
            case ast.Call():
                yield from self._marks_of_call(node, function)

    def _marks_of_call(self, call: ast.Call, function: str) -> Iterator[Mark]:
        called = self._resolve(call.func)
        name = self._targets.get(id(call), "")
        if called.startswith(f"{_OURS}."):
            name = called.rpartition(".")[2]
            yield self._mark(Role.OURS, call, name, function)
            self._note_sync_type(name, call)
        elif called.endswith(".add_job") and call.args:
            job = self._functions.get(_dotted(call.args[0]))
            if job is not None and not self._is_marked(job):
                yield self._mark(Role.JOB, job, job.name)
        elif role := _role_of_call(called):
            yield self._mark(role, call, name, function)

    def _marks_of_decorators(self, node: _Function, function: str) -> Iterator[Mark]:
        for decorator in node.decorator_list:
            name = self._resolve(_called(decorator))
            last = name.rpartition(".")[2]
            if name.startswith(f"{_OURS}.") and not isinstance(decorator, ast.Call):
                yield self._mark(Role.OURS, decorator, last, function)
            role = {"shared_task": Role.CELERY_TASK, "scheduled_job": Role.JOB}.get(last)
            if name.endswith(".task"):
                role = Role.CELERY_TASK
            if role and not self._is_marked(node):
                yield self._mark(role, node, node.name, function)

    def _mark(self, role: Role, node: ast.stmt | ast.expr, name: str, function: str = "") -> Mark:
        return Mark(
            role=role,
            path=self.path,
            line=node.lineno,
            end_line=node.end_lineno or node.lineno,
            name=name,
            function=function,
        )

    def _is_marked(self, node: _Function) -> bool:
        """Whether the function is a run already."""
        names = (self._resolve(_called(each)) for each in node.decorator_list)
        return any(name.startswith(f"{_OURS}.") for name in names)

    def _note_sync_type(self, name: str, call: ast.Call) -> None:
        for keyword in call.keywords:
            if name in _SYNC_TYPED and keyword.arg == "sync_type":
                match keyword.value:
                    case ast.Constant(value=str(text)):
                        self.sync_types.append(text)

    def _resolve(self, node: ast.expr) -> str:
        """Return the full name of what an expression names; empty if it is something else."""
        first, dot, rest = _dotted(node).partition(".")
        return f"{self._imports.get(first, first)}{dot}{rest}"


def _role_of_call(called: str) -> Role | None:
    library = called.partition(".")[0]
    last = called.rpartition(".")[2]
    if called in _APPS:
        return _APPS[called]
    if library == "apscheduler" and last.endswith("Scheduler"):
        return Role.SCHEDULER
    if library == "sqlalchemy" and last in _ENGINES:
        return Role.ENGINE
    is_client = library in CLIENTS and library != "canvasapi" and not called.startswith(_SERVERS)
    return Role.CANVAS_CALL if is_client else None


def _with_functions(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Yield each node in the order of the source, with the function that it is in.

    It does not recurse, so deeply nested code is not a danger.
    """
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, function = waiting.pop()
        yield node, function
        inner = node.name if isinstance(node, _Function) else function
        waiting += [(child, inner) for child in reversed(list(ast.iter_child_nodes(node)))]


def _imported_names(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield each name that an import binds, with its full name."""
    match node:
        case ast.Import(names=names):
            for each in names:
                first = each.name.partition(".")[0]
                yield (each.asname, each.name) if each.asname else (first, first)
        case ast.ImportFrom(module=str(module), names=names, level=0):
            for each in names:
                yield each.asname or each.name, f"{module}.{each.name}"


def _imported_libraries(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        modules = [each.name for each in node.names]
    elif node.level == 0:
        modules = [f"{node.module}.{each.name}" for each in node.names]
    else:
        modules = []
    wanted = [module for module in modules if not module.startswith(_SERVERS)]
    first = dict.fromkeys(module.partition(".")[0] for module in wanted)
    return [name for name in first if name in LIBRARIES]


def _dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` for a name or an attribute of one; empty for anything else."""
    words: list[str] = []
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(words)]) if isinstance(node, ast.Name) else ""


def _called(decorator: ast.expr) -> ast.expr:
    return decorator.func if isinstance(decorator, ast.Call) else decorator
