"""Finds the operation and table of an SQL statement, for labels, without a full parser."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby, pairwise, takewhile
from typing import Final, NamedTuple

from canvas_sync_core.names import OTHER

__all__ = [
    "BACKSLASHED",
    "DELIMITED_TEXT",
    "OTHER_OPERATION",
    "SESSION_CONTROL",
    "Statement",
    "parse_statement",
    "tokens_of",
]

OTHER_OPERATION: Final = "OTHER"
"""The operation of a statement whose verb is unknown."""

_LONGEST: Final = 8_000
"""Characters that are parsed: enough for the column list of a wide table."""
_LONGEST_NAME: Final = 128

SESSION_CONTROL: Final = frozenset(
    {"BEGIN", "COMMIT", "PRAGMA", "RELEASE", "ROLLBACK", "SAVEPOINT", "SET", "SHOW", "START"}
)
"""Verbs that control a connection and do not touch data."""

_UPSERTING: Final = frozenset({"MERGE", "REPLACE", "UPSERT"})
_DATA_VERBS: Final = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE"}) | _UPSERTING
_VERBS: Final = _DATA_VERBS | SESSION_CONTROL | {
    "ALTER", "ANALYZE", "CALL", "COPY", "CREATE", "DROP", "EXECUTE", "EXPLAIN", "GRANT", "LOCK",
    "REINDEX", "REVOKE", "TRUNCATE", "VACUUM", "VALUES",
}  # fmt: skip
_ANCHORS: Final = {
    "SELECT": frozenset({"FROM"}),
    "DELETE": frozenset({"FROM"}),
    "INSERT": frozenset({"INTO"}),
    "REPLACE": frozenset({"INTO"}),
    "MERGE": frozenset({"INTO"}),
    "UPSERT": frozenset({"INTO"}),
    "UPDATE": frozenset({"UPDATE"}),
    "TRUNCATE": frozenset({"TRUNCATE"}),
    "ALTER": frozenset({"TABLE"}),
    "DROP": frozenset({"TABLE"}),
    "CREATE": frozenset({"TABLE", "ON"}),
    "COPY": frozenset({"COPY"}),
}
"""Verb -> the words that precede its table."""
_FILLERS: Final = frozenset(
    {"ABORT", "DELAYED", "EXISTS", "FAIL", "HIGH_PRIORITY", "IF", "IGNORE", "LATERAL",
     "LOW_PRIORITY", "NOT", "ONLY", "OR", "OVERWRITE", "REPLACE", "ROLLBACK", "TABLE"}
)  # fmt: skip
"""Words that may stand between an anchor and the name."""

_SKIPPING: Final = frozenset({"IGNORE", "OVERWRITE", "REPLACE"})
"""Words after INSERT: ``OR IGNORE`` in SQLite, ``IGNORE`` in MySQL, ``OVERWRITE`` in Spark."""
_OPTIONAL_ANCHORS: Final = frozenset({"DELETE", "INSERT"}) | _UPSERTING
"""Verbs that MySQL, SQL Server or Oracle accept directly before the name."""
_WRITES_IN_WITH: Final = ("INSERT", "UPDATE", "DELETE")
_CONFLICTS: Final = frozenset({("ON", "CONFLICT"), ("ON", "DUPLICATE")})
_ON_CONFLICT: Final = re.compile(r"\bON\s+(?:CONFLICT|DUPLICATE)\b", re.IGNORECASE)
_CLAUSE_LENGTH: Final = 40  # the cut may split it
_VALUES: Final = frozenset({"VALUE", "VALUES"})

DELIMITED_TEXT: Final = re.compile(
    r"""
      \b[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)
    | \$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)
    | \b[nN]?[qQ]'(?:\[.*?\]|\(.*?\)|\{.*?\}|<.*?>|(?P<sign>[^\s\w']).*?(?P=sign))'
    """,
    re.VERBOSE | re.DOTALL,
)
"""Texts in which a single quote does not end them: two forms of PostgreSQL, and one of Oracle."""
BACKSLASHED: Final = re.compile(r"\\.", re.DOTALL)
"""An escaped character in a text of MySQL; elsewhere a backslash is one like any other."""

_TOKEN: Final = re.compile(
    r"""
      (?P<skip>   \s+ | --[^\n]* | /\*.*?(?:\*/|\Z) | \A\#[^\n]* )
    | (?P<text>   '[^']*(?:''[^']*)*'? )
    | (?P<quoted> "(?:[^"]|"")+" | `(?:[^`]|``)+` | \[[^\]]+\] )
    | (?P<word>   [^\W\d][\w$]* )
    | (?P<sign>   \d[\w.]* | . )
    """,
    re.VERBOSE | re.DOTALL,
)


class _Token(NamedTuple):
    kind: str
    text: str
    depth: int

    @property
    def keyword(self) -> str:
        """The word in upper case; empty for anything that is not a bare word."""
        return self.text.upper() if self.kind == "word" else ""

    @property
    def name(self) -> str:
        """The identifier without its quotes; empty for anything else."""
        if self.kind == "word":
            return self.text
        if self.kind != "quoted":
            return ""
        quote = self.text[-1]
        return self.text[1:-1].replace(quote * 2, quote)


class Statement(NamedTuple):
    """What a statement does.

    Attributes:
        operation: The verb in upper case; ``OTHER`` if it is unknown.
        table: Its first table, without schema and quotes; ``other`` if none is found.
        is_upsert: Whether rows may be changed, replaced or skipped instead of inserted, or the
            number of inserted rows is unknown.
        given_rows: Number of rows in VALUES, if that is more reliable than the driver's count;
            otherwise 0.
    """

    operation: str
    table: str
    is_upsert: bool = False
    given_rows: int = 0


def parse_statement(statement: str) -> Statement:
    """Return the operation and table of a statement.

    Args:
        statement: SQL of any dialect, or any other text.
    """
    parsed = _parsed(statement[:_LONGEST])
    if len(statement) <= _LONGEST or parsed.operation != "INSERT":
        return parsed
    # The clause comes last. A value that contains the same words is mistaken for it.
    has_clause = _ON_CONFLICT.search(statement, _LONGEST - _CLAUSE_LENGTH) is not None
    return parsed._replace(is_upsert=parsed.is_upsert or has_clause, given_rows=0)


@lru_cache(maxsize=256)
def _parsed(statement: str) -> Statement:
    tokens = _main_statement(_tokens(statement))
    start = _main_verb(tokens)
    verb = tokens[start].keyword if start < len(tokens) else ""
    if verb not in _VERBS:
        return Statement(OTHER_OPERATION, OTHER)
    before = tokens[:start]
    if verb == "SELECT" and (hidden_write := _write_in_with(before)):
        return _parsed_write_in_with(hidden_write)
    if verb == "INSERT":
        return _parsed_insert(tokens[start:])
    # For a query on a common table expression, use the table inside the expression.
    hidden = {token.name for token in before if token.depth == 0}
    table = _first_table(tokens[start:], verb, hidden)
    if table is None and before:
        table = _first_table(before, "SELECT", hidden)
    given_rows = _given_rows(tokens[start:]) if verb in {"REPLACE", "UPSERT"} else 0
    return Statement(verb, table or OTHER, verb in _UPSERTING, given_rows)


def _tokens(statement: str) -> list[_Token]:
    statement = DELIMITED_TEXT.sub("''", statement)
    tokens = list(tokens_of(statement))
    if "\\" in statement and tokens and tokens[-1].text.count("'") % 2:
        # A text without an end: a backslash before a quote was meant as MySQL means it.
        return list(tokens_of(BACKSLASHED.sub("", statement)))
    return tokens


def _main_statement(tokens: Sequence[_Token]) -> Sequence[_Token]:
    """Return the first of several statements, without session control: ``SET NOCOUNT ON; ...``."""
    parts = groupby(tokens, lambda token: token.text == ";")
    statements = [list(part) for is_end, part in parts if not is_end]
    first = next(iter(statements), [])
    if first and first[0].keyword in SESSION_CONTROL:
        works_on_data = _DATA_VERBS | {"WITH"}
        return next((each for each in statements if each[0].keyword in works_on_data), first)
    return first


def _write_in_with(tokens: Sequence[_Token]) -> Sequence[_Token]:
    """Find a write among the tokens of a WITH clause; PostgreSQL allows it there."""
    for verb in _WRITES_IN_WITH:
        for number, (before, token) in enumerate(pairwise(tokens), start=1):
            if token.keyword == verb and before.text == "(":
                rest = tokens[number:]
                return list(takewhile(lambda each: each.depth >= token.depth, rest))  # noqa: B023 - at once
    return ()


def _parsed_write_in_with(tokens: Sequence[_Token]) -> Statement:
    """Parse a write whose number of rows is unknown unless they are given."""
    verb = tokens[0].keyword
    if verb == "INSERT":
        found = _parsed_insert(tokens)
        return found if found.given_rows else found._replace(is_upsert=True)
    return Statement(verb, _first_table(tokens, verb, set()) or OTHER, verb == "UPDATE")


def _parsed_insert(tokens: Sequence[_Token]) -> Statement:
    depth = tokens[0].depth
    words = [token.keyword for token in tokens if token.depth == depth]
    head = takewhile(_FILLERS.__contains__, words[1:])
    has_clause = not _CONFLICTS.isdisjoint(pairwise(words))
    is_upsert = has_clause or not _SKIPPING.isdisjoint(head)
    table = _first_table(tokens, "INSERT", set())
    # SQLite counts rows that are returned only when they have been fetched.
    are_given = is_upsert or "RETURNING" in words
    return Statement("INSERT", table or OTHER, is_upsert, _given_rows(tokens) if are_given else 0)


def _given_rows(tokens: Sequence[_Token]) -> int:
    """Count the parentheses after VALUES."""
    tokens = [token for token in tokens if token.depth == tokens[0].depth]
    words = [token.keyword for token in tokens]
    first = next((number for number, word in enumerate(words) if word in _VALUES), len(words))
    rest = tokens[first + 1 :]
    rows = takewhile(lambda token: token.kind == "sign", rest)
    return sum(token.text == "(" for token in rows)


def tokens_of(statement: str) -> Iterator[_Token]:
    """Split a statement into words, names, texts and signs, without comments."""
    depth = 0
    for match in _TOKEN.finditer(statement):
        kind, text = match.lastgroup or "", match.group()
        if kind == "skip":
            continue
        if text == ")":
            depth -= 1
        yield _Token(kind, text, depth)
        if text == "(":
            depth += 1


def _main_verb(tokens: Sequence[_Token]) -> int:
    first = next((index for index, token in enumerate(tokens) if token.text != "("), len(tokens))
    if first == len(tokens) or tokens[first].keyword != "WITH":
        return first
    depth = tokens[first].depth
    for index in range(first + 1, len(tokens)):
        if tokens[index].depth == depth and tokens[index].keyword in _DATA_VERBS:
            return index
    return len(tokens)


def _first_table(tokens: Sequence[_Token], verb: str, hidden: set[str]) -> str | None:
    anchors = _ANCHORS.get(verb, frozenset())
    starts = [index for index, token in enumerate(tokens) if token.keyword in anchors]
    if verb in _OPTIONAL_ANCHORS:
        starts = [index for index in starts if tokens[index].depth == tokens[0].depth] or [0]
    # The statement's own anchor takes precedence over those in parentheses.
    for index in sorted(starts, key=lambda index: tokens[index].depth):
        name = _name_at(tokens, index + 1, calls_allowed=verb != "SELECT")
        if name is not None and name not in hidden:
            return name
    return None


def _name_at(tokens: Sequence[_Token], index: int, *, calls_allowed: bool) -> str | None:
    while index < len(tokens) and (tokens[index].text == "(" or tokens[index].keyword in _FILLERS):
        index += 1
    while index + 2 < len(tokens) and tokens[index + 1].text == "." and tokens[index].name:
        index += 2
    if index + 1 < len(tokens) and tokens[index].text == ".":
        index += 1  # SQL Server: database..table
    if index >= len(tokens) or tokens[index].keyword in _VERBS:
        return None
    if not calls_allowed and index + 1 < len(tokens) and tokens[index + 1].text == "(":
        return None  # a function that returns rows
    name = tokens[index].name
    return name if 0 < len(name) <= _LONGEST_NAME else None
