# SPDX-License-Identifier: Apache-2.0
"""No more trainings of an account in 24 hours than its connection allows, and who used them up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import DreamboothTransientError, DreamboothValidationError
from airflow_provider_dreambooth.training import daily_cap, key_digest
from airflow_provider_dreambooth.training.daily_cap import DAY, Verdict, verdict
from airflow_provider_dreambooth.training.record import Record
from airflow_provider_dreambooth.training.registry import Entry, Registry
from tests.unit.task_surroundings import MemoryVariables

KEY, OTHER_KEY = ConnectionSettings("key-of-this-account"), ConnectionSettings("key-of-another-account")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0
        self.meanwhile: Callable[[], None] = lambda: None

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.meanwhile()


def entries(*ids: str | None) -> list[Entry]:
    return [Entry(f"k{number}", float(number), training_id=name) for number, name in enumerate(ids)]


@pytest.mark.parametrize(
    ("known", "own", "cap", "expected"),
    [
        (entries(None), "k0", 1, Verdict.SEND),
        (entries("T0", None), "k1", 2, Verdict.SEND),
        (entries("T0", None), "k1", 1, Verdict.FULL),
        (entries(None, None), "k1", 1, Verdict.FULL),
        # The first of two that came at once waits for the second to leave.
        (entries(None, None), "k0", 1, Verdict.COUNT_AGAIN),
        # The second was sent before the first was entered.
        (entries(None, "T1"), "k0", 1, Verdict.FULL),
        (entries("T0", None, None, None), "k1", 2, Verdict.COUNT_AGAIN),
        (entries("T0", None, None, None), "k2", 2, Verdict.FULL),
    ],
)
def test_who_may_send(known: list[Entry], own: str, cap: int, expected: Verdict) -> None:
    assert verdict(known, own, cap) is expected


class Account:
    """A registry of submissions and a clock."""

    def __init__(self) -> None:
        self.variables, self.clock = MemoryVariables(), Clock()

    def registry(self, task: str, *, account: str = "here production", connection: str = "paid") -> Registry:
        return Registry(self.variables, account=account, owner=task, connection=connection)

    def submit(self, task: str, *, cap: int = 2, settings: ConnectionSettings = KEY, **where: Any) -> Record:
        registry = self.registry(task, **where)
        record = Record(
            "f",
            where.get("account", "here production"),
            self.clock.now,
            0,
            key_digest=key_digest.digest_of(settings),
        )
        registry.announce(record)
        record = daily_cap.admit(
            registry,
            record,
            cap=cap,
            connection=where.get("connection", "paid"),
            settings=settings,
            clock=self.clock.time,
            sleep=self.clock.sleep,
        )
        paid = record.with_training(f"T-{task}")
        registry.claim(paid)
        self.clock.now += 60
        return paid


def test_at_the_cap_nothing_is_sent_and_the_error_says_who_used_it_up() -> None:
    account = Account()
    account.submit("portraits / run 1 / train[0]")
    account.submit("portraits / run 1 / train[1]")
    before = dict(account.variables.values)
    with pytest.raises(DreamboothValidationError) as caught:
        account.submit("cats / run 7 / train")
    text = str(caught.value)
    for part in (
        "max_trainings_per_day is 2",
        "portraits / run 1 / train[0]",
        "'paid'",
        "no retry",
        "free again at",
    ):
        assert part in text
    assert caught.value.permanent
    # Its own entry is gone again.
    assert account.variables.values == before


def test_a_day_later_there_is_room_again() -> None:
    account = Account()
    account.submit("a", cap=1)
    account.clock.now += DAY
    account.submit("b", cap=1)


def test_a_renewed_key_of_the_same_connection_is_the_same_account() -> None:
    account = Account()
    account.submit("a", cap=1)
    with pytest.raises(DreamboothValidationError):
        account.submit("b", cap=1, settings=OTHER_KEY)


@pytest.mark.parametrize("where", [{"connection": "second"}, {"account": "gateway production"}])
def test_the_same_key_is_the_same_account_over_any_connection_or_host(where: dict[str, Any]) -> None:
    account = Account()
    account.submit("a", cap=1)
    with pytest.raises(DreamboothValidationError):
        account.submit("b", cap=1, **where)


def test_another_account_has_a_cap_of_its_own() -> None:
    account = Account()
    account.submit("a", cap=1)
    account.submit("b", cap=1, settings=OTHER_KEY, connection="second")


def test_the_last_place_goes_to_the_first_of_two_that_come_at_once() -> None:
    account = Account()
    later = account.registry("b")
    record = Record("f", "here production", account.clock.now + 1, 0, key_digest=key_digest.digest_of(KEY))
    later.announce(record)
    # The second counts, is refused, and takes its entry back.
    account.clock.meanwhile = lambda: later.withdraw(record)
    paid = account.submit("a", cap=1)
    assert paid.intent_at == 1_000_003.0


def test_too_many_at_once_are_told_to_come_again() -> None:
    account = Account()
    later = account.registry("b")

    def comes_again() -> None:
        later.announce(replace(record, intent_at=account.clock.now + 1))

    record = Record("f", "here production", account.clock.now + 1, 0, key_digest=key_digest.digest_of(KEY))
    later.announce(record)
    account.clock.meanwhile = comes_again
    with pytest.raises(DreamboothTransientError, match="compete"):
        account.submit("a", cap=1)


def test_no_key_is_a_local_variable_of_a_refusal() -> None:
    account = Account()
    account.submit("a", cap=1)
    with pytest.raises(DreamboothValidationError) as caught:
        account.submit("b", cap=1)
    assert caught.value.__traceback__ is not None
    frame = caught.value.__traceback__.tb_next
    while frame is not None:
        assert KEY.api_key not in repr(frame.tb_frame.f_locals)
        frame = frame.tb_next
