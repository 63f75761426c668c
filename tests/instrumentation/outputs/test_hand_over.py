from __future__ import annotations

import os

import pytest

from canvas_sync_instrumentation.outputs._hand_over import HandOver


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # a fork beside threads, in Python 3.12
@pytest.mark.parametrize("parent_asks", [True, False])
def test_exactly_one_of_a_process_and_its_children_takes_it(parent_asks: bool) -> None:
    hand_over = HandOver()
    taken = [hand_over.take_over()] if parent_asks else []
    for _ in range(3):
        child = os.fork()
        if not child:
            os._exit(0 if parent_asks else int(hand_over.take_over()))
        taken.append(bool(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])))
    assert taken.count(True) == 1
    assert taken[0]
