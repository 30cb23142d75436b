# SPDX-License-Identifier: Apache-2.0
"""Who owns which training of an account, and who does not know yet."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.training.record import Record
from airflow_provider_dreambooth.training.registry import KEPT, PREFIX, Registry
from tests.unit.task_surroundings import MemoryVariables


@pytest.fixture
def variables() -> MemoryVariables:
    return MemoryVariables()


def registry(variables: MemoryVariables, owner: str, account: str = "here production") -> Registry:
    return Registry(variables, account=account, owner=owner)


def sent(
    at: float, fingerprint: str = "a", training_id: str | None = None, account: str = "here production"
) -> Record:
    return Record(fingerprint, account, at, 2, training_id=training_id)


def test_a_submission_of_another_task_is_in_doubt_until_it_is_claimed(variables: MemoryVariables) -> None:
    theirs, mine = registry(variables, "theirs"), registry(variables, "mine")
    mine.announce(sent(1000.0, "a"))
    theirs.announce(sent(1001.0, "a"))
    assert mine.others(sent(1000.0, "a")) == (frozenset(), 1)
    theirs.claim(sent(1001.0, training_id="T1"))
    assert mine.others(sent(1000.0, "a")) == (frozenset({"T1"}), 0)


def test_a_submission_taken_back_is_forgotten(variables: MemoryVariables) -> None:
    theirs, mine = registry(variables, "theirs"), registry(variables, "mine")
    theirs.announce(sent(1001.0, "a"))
    theirs.withdraw(sent(1001.0))
    assert mine.others(sent(1000.0, "a")) == (frozenset(), 0)


def test_mapped_siblings_are_others(variables: MemoryVariables) -> None:
    registry(variables, "d / r / t[0]").announce(sent(1000.0, "a"))
    assert registry(variables, "d / r / t[1]").others(sent(1000.0, "a")) == (frozenset(), 1)


def test_accounts_do_not_see_each_other(variables: MemoryVariables) -> None:
    registry(variables, "theirs", "here sandbox").announce(sent(1000.0, "a", account="here sandbox"))
    assert registry(variables, "mine").others(sent(1000.0, "a")) == (frozenset(), 0)


def test_the_own_earlier_training_is_not_the_lost_one(variables: MemoryVariables) -> None:
    mine = registry(variables, "mine")
    mine.announce(sent(1000.0, "a"))
    mine.claim(sent(1000.0, training_id="T1"))
    mine.announce(sent(2000.0, "a"))
    assert mine.others(sent(2000.0, "a")) == (frozenset({"T1"}), 0)


def test_an_own_earlier_submission_of_other_inputs_is_in_doubt(variables: MemoryVariables) -> None:
    """It may show late in the list: it must not be taken for the one of the present inputs."""
    mine = registry(variables, "mine")
    mine.announce(sent(1000.0, "other inputs"))
    mine.announce(sent(2000.0, "a"), before=sent(1000.0, "other inputs"))
    assert mine.others(sent(2000.0, "a")) == (frozenset(), 1)


def test_an_own_earlier_submission_of_the_same_inputs_may_be_taken(variables: MemoryVariables) -> None:
    mine = registry(variables, "mine")
    mine.announce(sent(1000.0, "a"))
    mine.announce(sent(2000.0, "a"))
    assert mine.others(sent(2000.0, "a")) == (frozenset(), 0)


@pytest.mark.parametrize("text", ["", "nonsense", "[]", "null", '"T1"'])
def test_an_entry_that_cannot_be_read_is_in_doubt(variables: MemoryVariables, text: str) -> None:
    theirs, mine = registry(variables, "theirs"), registry(variables, "mine")
    theirs.announce(sent(1001.0, "a"))
    (key,) = variables.keys(PREFIX)
    variables.values[key] = text
    assert mine.others(sent(1000.0, "a")) == (frozenset(), 1)


def test_an_entry_that_goes_while_it_is_read_is_in_doubt(variables: MemoryVariables) -> None:
    class Vanishing(MemoryVariables):
        def get(self, key: str, default: Any) -> Any:
            return default

    vanishing = Vanishing(variables.values)
    registry(vanishing, "theirs").announce(sent(1001.0, "a"))
    assert registry(vanishing, "mine").others(sent(1000.0, "a")) == (frozenset(), 1)


def test_entries_are_dropped_when_nobody_needs_them(variables: MemoryVariables) -> None:
    registry(variables, "old").announce(sent(1000.0, "a"))
    variables.values["somebody_elses"] = "x"
    registry(variables, "new").announce(sent(1000.0 + KEPT - 1, "a"))
    assert len(list(variables.keys(PREFIX))) == 2
    registry(variables, "newer").announce(sent(1000.0 + KEPT + 1, "a"))
    assert len(list(variables.keys(PREFIX))) == 2
    assert "somebody_elses" in variables.values


def test_doubt_of_long_before_cannot_be_confused_with_the_own_submission(variables: MemoryVariables) -> None:
    registry(variables, "old").announce(sent(1000.0, "a"))
    assert registry(variables, "mine").others(sent(1000.0 + KEPT, "a")) == (frozenset(), 0)


def test_a_try_that_ended_before_its_intent_leaves_no_doubt(variables: MemoryVariables) -> None:
    mine, theirs = registry(variables, "mine"), registry(variables, "theirs")
    mine.announce(sent(1000.0, "a"))
    mine.announce(sent(1060.0, "a"))
    assert theirs.others(sent(1010.0, "b"))[1] == 1


def test_a_lost_one_stays_in_doubt_for_others_when_its_task_sends_again(variables: MemoryVariables) -> None:
    mine, theirs = registry(variables, "mine"), registry(variables, "theirs")
    mine.announce(sent(1000.0, "a"))
    mine.announce(sent(1060.0, "a"), before=sent(1000.0, "a"))
    mine.announce(sent(1120.0, "a"), before=sent(1060.0, "a"))
    assert theirs.others(sent(1010.0, "b"))[1] == 3


def test_one_that_was_given_up_stays_in_doubt_for_others(variables: MemoryVariables) -> None:
    mine, theirs = registry(variables, "mine"), registry(variables, "theirs")
    mine.announce(sent(1000.0, "a"))
    mine.give_up(sent(1000.0, "a"))
    mine.announce(sent(1060.0, "a"), before=sent(900.0, "a", "T0"))
    assert theirs.others(sent(1010.0, "b"))[1] == 2


def test_a_later_try_finds_the_id_of_an_earlier_one(variables: MemoryVariables) -> None:
    mine = registry(variables, "mine")
    mine.announce(sent(1000.0))
    assert mine.training_of(sent(1000.0)) is None
    mine.claim(sent(1000.0, training_id="T1"))
    assert mine.training_of(sent(1000.0)) == "T1"
    assert registry(variables, "theirs").training_of(sent(1000.0)) is None
    # The connection leads to another host by now.
    assert registry(variables, "mine", "gateway production").training_of(sent(1000.0)) == "T1"


def test_a_newer_submission_of_the_same_task_tells_that_another_try_is_alive(
    variables: MemoryVariables,
) -> None:
    mine = registry(variables, "mine")
    mine.announce(sent(1000.0))
    mine.give_up(sent(1000.0))
    mine.announce(sent(1600.0))
    registry(variables, "theirs").announce(sent(1700.0))
    assert [entry.requested_at for entry in mine.newer_of_owner(sent(1000.0))] == [1600.0]


def test_an_id_that_could_not_be_entered_is_entered_before_the_next_submission(
    variables: MemoryVariables,
) -> None:
    mine = registry(variables, "mine")
    mine.announce(sent(1000.0))
    mine.announce(sent(2000.0), before=sent(1000.0, training_id="T1"))
    assert [entry.training_id for entry in mine.entries()] == ["T1", None]
