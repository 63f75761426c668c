"""A number is found where a value has it, and nowhere else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from canvas_sync_exporter.logs.search.rare_number import RareNumber

NUMBERS = ["4", "404", "-4"]
PARTS = [*NUMBERS, ":", '"', ",", "}", "0.", "\n"]


@given(
    number=st.sampled_from(NUMBERS),
    blocks=st.lists(st.lists(st.sampled_from(PARTS), max_size=60).map("".join), min_size=1),
)
def test_a_number_is_found_in_any_block_in_which_it_is_a_value(
    number: str, blocks: list[str]
) -> None:
    wanted = RareNumber(number)
    value = re.compile(rf':"?{number}[",}}]')
    expected = [value.search(lines) is not None for lines in blocks]
    assert [wanted.is_in(lines.encode()) for lines in blocks] == expected
    assert [wanted.is_in_line(lines.encode()) for lines in blocks] == expected


@pytest.mark.parametrize("times", [1, 100])
@pytest.mark.parametrize("last", [":404}", ':"404"}'])
def test_a_number_is_found_after_durations_that_end_with_it(times: int, last: str) -> None:
    durations = '{"seconds":0.1404,"code":200}\n' * times
    assert not RareNumber("404").is_in(durations.encode())
    assert RareNumber("404").is_in((durations + last).encode())
