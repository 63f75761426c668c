"""On which lines of a TOML file its keys are."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.config_file.lines import find_lines, line_of

TEXT = '''\
# [not.a.table]
top = "a = b # no comment"

[a."b.c"]
x = """
y = 1
[z]
""" # over three lines
"quoted key" = [ # a list
  { k = 1 },
  "]",
]
d.e.f = 'x = "'

[[pauses]]
from = 2026-01-01
[[pauses]]
from = 2026-01-02
[pauses.more]
n = """a\\\\""" # an escaped backslash
o = 1
p = """quote at the end""""
q = 2'''


def test_each_key_has_its_line() -> None:
    lines = find_lines(TEXT)

    assert {path: lines[path] for path in lines if path[-1] not in ("a", "d", "e")} == {
        ("top",): 2,
        ("a", "b.c"): 4,
        ("a", "b.c", "x"): 5,
        ("a", "b.c", "quoted key"): 9,
        ("a", "b.c", "d", "e", "f"): 13,
        ("pauses",): 15,
        ("pauses", 0): 15,
        ("pauses", 0, "from"): 16,
        ("pauses", 1): 17,
        ("pauses", 1, "from"): 18,
        ("pauses", 1, "more"): 19,
        ("pauses", 1, "more", "n"): 20,
        ("pauses", 1, "more", "o"): 21,
        ("pauses", 1, "more", "p"): 22,
        ("pauses", 1, "more", "q"): 23,
    }
    assert tomllib.loads(TEXT)["pauses"][1]["more"]["q"] == 2


def test_a_key_without_a_line_has_the_line_of_what_surrounds_it() -> None:
    lines = find_lines(TEXT)

    assert line_of(lines, ("a", "b.c", "quoted key", 0, "k")) == 9
    assert line_of(lines, ("unknown",)) == 0


_VALUES = st.recursive(
    st.integers()
    | st.booleans()
    | st.text(st.characters(codec="ascii", categories=["L", "P", "S"])),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)


def _toml(value: object) -> str:
    if isinstance(value, list):
        items = ",\n".join(map(_toml, value))
        return f"[\n{items}\n]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"""{escaped}"""' if len(escaped) % 2 else f'"{escaped}"'


@given(st.lists(_VALUES, max_size=6))
def test_keys_are_found_whatever_the_values_are(values: list[object]) -> None:
    statements = [f"key{number} = {_toml(value)}" for number, value in enumerate(values)]
    text = "\n# a = comment\n".join(statements)
    lines = find_lines(text)

    assert list(tomllib.loads(text)) == [str(path[0]) for path in lines]
    for number in range(len(values)):
        line = text.split("\n")[lines[f"key{number}",] - 1]
        assert line.startswith(f"key{number} =")
