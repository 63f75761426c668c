"""The corner of Canvas's GraphQL API that names courses.

It understands ``course(id: ...) { fields }`` and ``allCourses { fields }`` with the fields ``_id``,
``name``, ``courseCode`` and ``state``; anything else is answered as GraphQL answers what it does
not know: 200 with ``errors``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from .school import Course

__all__ = ["answer_query"]

_QUERY = re.compile(
    r"""\b(?:course\s*\(\s*id:\s*(?P<id>"?[0-9]{1,18}"?|\$\w+)\s*\)|(?P<all>allCourses))"""
    r"""\s*\{(?P<fields>[\s\w]*)\}"""
)
_FIELDS: dict[str, Callable[[Course], str]] = {
    "_id": lambda course: str(course.id),
    "name": lambda course: course.name,
    "courseCode": lambda course: f"C-{course.id}",
    "state": lambda _: "available",
}


def answer_query(
    query: str, variables: dict[str, Any], courses: Sequence[Course]
) -> dict[str, Any]:
    """Answer a query.

    Args:
        query: GraphQL text.
        variables: Values of ``$name`` placeholders.
        courses: Those that the user may see.
    """
    match = _QUERY.search(query)
    if match is None:
        return _unknown("query")
    fields = match["fields"].split()
    for field in fields:
        if field not in _FIELDS:
            return _unknown(field)
    if match["all"]:
        return {"data": {"allCourses": [_pick(course, fields) for course in courses]}}
    argument = match["id"].strip('"')
    wanted = str(variables.get(argument[1:])) if argument.startswith("$") else argument
    found = next((course for course in courses if str(course.id) == wanted), None)
    return {"data": {"course": None if found is None else _pick(found, fields)}}


def _pick(course: Course, fields: Sequence[str]) -> dict[str, str]:
    return {name: _FIELDS[name](course) for name in fields}


def _unknown(name: str) -> dict[str, Any]:
    return {"errors": [{"message": f"Field '{name}' doesn't exist on this type"}]}
