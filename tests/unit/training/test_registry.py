"""Who owns which training of an account, and who does not know yet."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.training.registry import KEPT, PREFIX, Ledger
from tests.unit.task_surroundings import MemoryVariables


@pytest.fixture
def variables() -> MemoryVariables:
    return MemoryVariables()


def ledger(variables: MemoryVariables, owner: str, account: str = "here production") -> Ledger:
    return Ledger(variables, account=account, owner=owner)


def test_a_submission_of_another_task_is_in_doubt_until_it_is_claimed(variables: MemoryVariables) -> None:
    theirs, mine = ledger(variables, "theirs"), ledger(variables, "mine")
    mine.announce(1000.0, "a")
    theirs.announce(1001.0, "a")
    assert mine.others(1000.0, "a") == (frozenset(), 1)
    theirs.claim(1001.0, "T1")
    assert mine.others(1000.0, "a") == (frozenset({"T1"}), 0)


def test_a_submission_taken_back_is_forgotten(variables: MemoryVariables) -> None:
    theirs, mine = ledger(variables, "theirs"), ledger(variables, "mine")
    theirs.announce(1001.0, "a")
    theirs.withdraw(1001.0)
    assert mine.others(1000.0, "a") == (frozenset(), 0)


def test_mapped_siblings_are_others(variables: MemoryVariables) -> None:
    ledger(variables, "d / r / t[0]").announce(1000.0, "a")
    assert ledger(variables, "d / r / t[1]").others(1000.0, "a") == (frozenset(), 1)


def test_accounts_do_not_see_each_other(variables: MemoryVariables) -> None:
    ledger(variables, "theirs", "here sandbox").announce(1000.0, "a")
    assert ledger(variables, "mine").others(1000.0, "a") == (frozenset(), 0)


def test_the_own_earlier_training_is_not_the_lost_one(variables: MemoryVariables) -> None:
    mine = ledger(variables, "mine")
    mine.announce(1000.0, "a")
    mine.claim(1000.0, "T1")
    mine.announce(2000.0, "a")
    assert mine.others(2000.0, "a") == (frozenset({"T1"}), 0)


def test_an_own_earlier_submission_of_other_inputs_is_in_doubt(variables: MemoryVariables) -> None:
    """It may show late in the list: it must not be taken for the one of the present inputs."""
    mine = ledger(variables, "mine")
    mine.announce(1000.0, "other inputs")
    mine.announce(2000.0, "a")
    assert mine.others(2000.0, "a") == (frozenset(), 1)


def test_an_own_earlier_submission_of_the_same_inputs_may_be_taken(variables: MemoryVariables) -> None:
    mine = ledger(variables, "mine")
    mine.announce(1000.0, "a")
    mine.announce(2000.0, "a")
    assert mine.others(2000.0, "a") == (frozenset(), 0)


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "null", '"T1"'])
def test_an_entry_that_cannot_be_read_is_in_doubt(variables: MemoryVariables, text: str) -> None:
    theirs, mine = ledger(variables, "theirs"), ledger(variables, "mine")
    theirs.announce(1001.0, "a")
    (key,) = variables.keys(PREFIX)
    variables.values[key] = text
    assert mine.others(1000.0, "a") == (frozenset(), 1)


def test_an_entry_that_goes_while_it_is_read_is_in_doubt(variables: MemoryVariables) -> None:
    class Vanishing(MemoryVariables):
        def get(self, key: str, default: Any) -> Any:
            return default

    vanishing = Vanishing(variables.values)
    ledger(vanishing, "theirs").announce(1001.0, "a")
    assert ledger(vanishing, "mine").others(1000.0, "a") == (frozenset(), 1)


def test_entries_are_dropped_when_nobody_needs_them(variables: MemoryVariables) -> None:
    ledger(variables, "old").announce(1000.0, "a")
    variables.values["somebody_elses"] = "x"
    ledger(variables, "new").announce(1000.0 + KEPT - 1, "a")
    assert len(list(variables.keys(PREFIX))) == 2
    ledger(variables, "newer").announce(1000.0 + KEPT + 1, "a")
    assert len(list(variables.keys(PREFIX))) == 2
    assert "somebody_elses" in variables.values


def test_doubt_of_long_before_cannot_be_confused_with_the_own_submission(variables: MemoryVariables) -> None:
    ledger(variables, "old").announce(1000.0, "a")
    assert ledger(variables, "mine").others(1000.0 + KEPT, "a") == (frozenset(), 0)
