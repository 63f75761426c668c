"""What becomes of a message after an attempt to send it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from canvas_sync_core.names import MessageState
from canvas_sync_exporter.messages.channel import DeliveryError
from canvas_sync_exporter.messages.retrying import (
    GIVE_UP_AFTER,
    after_failure,
    after_success,
    requested_delay,
)
from support.messages import CREATED, message

LATER = CREATED + timedelta(minutes=1)


def test_a_delivered_message_keeps_the_reference_and_forgets_its_failure() -> None:
    sent = after_success(message(last_error="timeout", attempts=2), "171.2", LATER)

    assert (sent.state, sent.sent_at, sent.reference) == (MessageState.SENT, LATER, "171.2")
    assert sent.last_error is None
    assert after_success(message(), "", LATER).reference is None


@pytest.mark.parametrize(
    ("attempts", "seconds"), [(0, 10), (1, 10), (2, 20), (5, 160), (7, 640), (8, 900), (10**6, 900)]
)
def test_the_delay_doubles_with_each_attempt_up_to_a_quarter_of_an_hour(
    attempts: int, seconds: int
) -> None:
    waiting = after_failure(message(attempts=attempts), DeliveryError("away"), LATER)

    assert waiting.state is MessageState.WAITING
    assert waiting.next_attempt_at - LATER == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("retry_after", "delay"),
    [
        (None, timedelta()),
        (float("nan"), timedelta()),
        (-1.0, timedelta()),
        (90.5, timedelta(seconds=90.5)),
        (float("inf"), GIVE_UP_AFTER),
    ],
)
def test_a_destination_may_ask_for_at_most_a_day(
    retry_after: float | None, delay: timedelta
) -> None:
    assert requested_delay(DeliveryError("busy", retry_after=retry_after)) == delay


def test_the_destination_may_prolong_the_delay_but_not_shorten_it() -> None:
    for retry_after, seconds in ((60.0, 60), (1.0, 10)):
        waiting = after_failure(
            message(attempts=1), DeliveryError("", retry_after=retry_after), LATER
        )
        assert waiting.next_attempt_at - LATER == timedelta(seconds=seconds)


def test_the_last_attempt_takes_place_when_the_message_is_a_day_old() -> None:
    deadline = CREATED + GIVE_UP_AFTER
    nearly = deadline - timedelta(seconds=1)
    error = DeliveryError("away")

    assert after_failure(message(attempts=9), error, nearly).next_attempt_at == deadline
    assert after_failure(message(attempts=9), error, deadline).state is MessageState.GIVEN_UP


def test_a_permanent_failure_gives_up_at_once() -> None:
    given_up = after_failure(message(attempts=1), DeliveryError("404", is_permanent=True), LATER)
    assert (given_up.state, given_up.next_attempt_at) == (MessageState.GIVEN_UP, LATER)


@pytest.mark.parametrize(("is_permanent", "now"), [(True, LATER), (False, CREATED + GIVE_UP_AFTER)])
def test_what_some_recipients_have_got_is_sent_and_names_the_others(
    is_permanent: bool, now: datetime
) -> None:
    error = DeliveryError("refused 1 of 2 recipients", is_permanent=is_permanent, reference="<a@b>")
    sent = after_failure(message(attempts=1), error, now)
    assert (sent.state, sent.sent_at, sent.reference) == (MessageState.SENT, now, "<a@b>")
    assert sent.last_error == "refused 1 of 2 recipients"


def test_what_some_recipients_have_got_waits_while_the_others_may_get_it_too() -> None:
    error = DeliveryError("refused 1 of 2 recipients", reference="<a@b>")
    assert after_failure(message(attempts=1), error, LATER).state is MessageState.WAITING


def test_a_message_that_may_have_arrived_stays_marked() -> None:
    once = after_failure(message(), DeliveryError("silent", may_have_arrived=True), LATER)
    again = after_failure(once, DeliveryError("refused"), LATER)
    assert (once.may_be_repeated, again.may_be_repeated) == (True, True)


def test_the_path_of_a_webhook_is_not_stored() -> None:
    error = DeliveryError("POST https://user:key@hooks.example.edu/services/T0/secret failed")
    failed = after_failure(message(), error, LATER)
    assert failed.last_error == "POST https://hooks.example.edu/… failed"
