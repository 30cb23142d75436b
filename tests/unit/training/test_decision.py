# SPDX-License-Identifier: Apache-2.0
"""Every row of the decision table, by the words of the table itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_dreambooth.api.results import FineTuneStatus, Model
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothLostSubmissionError,
    DreamboothNotFoundError,
    DreamboothTrainingFailedError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.training import decision
from airflow_provider_dreambooth.training.decision import LAGS_FOR, SETTLE_AFTER, Situation, decide
from airflow_provider_dreambooth.training.record import Ending, Record
from airflow_provider_dreambooth.training.settlement import Listing
from airflow_provider_dreambooth.training.steps import (
    Adopt,
    AskModels,
    AskStatus,
    CancelEarlier,
    Fail,
    Finished,
    PutBack,
    Step,
    Submit,
    Wait,
)

HERE = "stablediffusionapi.com production"
GATEWAY = "gateway.example production"
KEY = "salt:of the present key"
NEVER = frozenset[str]()


def record(**changes: Any) -> Record:
    known: dict[str, Any] = {
        "fingerprint": "same",
        "account": HERE,
        "intent_at": 1000.0,
        "max_tries": 2,
        "training_id": "T1",
        "key_digest": KEY,
    }
    return Record(**{**known, **changes})


def in_doubt(**changes: Any) -> Record:
    return record(**{"training_id": None, "known_models": ("old",), **changes})


#: A request with other inputs, that was to replace a training.
EARLIER = record(training_id="T0", fingerprint="before")


def situation(known: Record | None, **changes: Any) -> Situation:
    facts: dict[str, Any] = {
        "fingerprint": "same",
        "account": HERE,
        "max_tries": 2,
        "can_list": True,
        "now": 5000.0,
        "own_digests": frozenset({KEY}),
    }
    return Situation(record=known, **{**facts, **changes})


def status(outcome: Outcome, *, permanent: bool = False) -> FineTuneStatus:
    reason = "Valid image links less than 3" if outcome is Outcome.FAILED else None
    return FineTuneStatus("T1", outcome.value, outcome, reason=reason, cause_is_permanent=permanent)


def listing(*ids: str | None, **changes: Any) -> Listing:
    facts: dict[str, Any] = {"claimed": NEVER, "shows_running": True}
    return Listing(models=tuple(Model(name) for name in ids), **{**facts, **changes})


CLEARED: dict[str, Any] = {"max_tries": 5}
RETRAIN: dict[str, Any] = {"max_tries": 5, "on_clear": "retrain"}
CHANGED: dict[str, Any] = {"fingerprint": "other"}
MOVED: dict[str, Any] = {"account": GATEWAY}
OTHER_KEY: dict[str, Any] = {"own_digests": NEVER}
GONE = DreamboothNotFoundError("unknown", raw="Training not found")
ONE_NEW = listing("old", "new")


def submits(step: Step) -> bool:
    return isinstance(step, Submit)


def puts_back(*, settled: bool) -> Callable[[Step], bool]:
    return lambda step: (
        isinstance(step, PutBack) and step.record.training_id == "T0" and step.settled is settled
    )


def cancels_earlier(step: Step) -> bool:
    return step == CancelEarlier("T0")


def leaves_earlier(why: str) -> Callable[[Step], bool]:
    return lambda step: isinstance(step, CancelEarlier) and why in (step.left_running or "")


def fails(kind: type[DreamboothError], *, permanent: bool = True) -> Callable[[Step], bool]:
    return lambda step: (
        isinstance(step, Fail) and type(step.error) is kind and step.error.permanent is permanent
    )


LOST = fails(DreamboothLostSubmissionError)
FAILED = fails(DreamboothTrainingFailedError)
NOT_FOUND = fails(DreamboothNotFoundError)
LAGS = fails(DreamboothTransientError, permanent=False)

#: Row of the table -> situations that it covers, each with what must come of it.
ROWS: dict[str, list[tuple[Situation, Callable[[Step], bool]]]] = {
    "no record": [(situation(None), submits)],
    "the last request was not accepted": [
        (situation(record(training_id=None, ending=Ending.NOT_ACCEPTED)), submits),
        (situation(record(training_id=None, ending=Ending.NOT_ACCEPTED), **CHANGED), submits),
    ],
    "request out, no id, cleared with ``retrain``": [
        (situation(in_doubt(), **RETRAIN), submits),
        (situation(in_doubt(), can_list=False, **RETRAIN), submits),
        (situation(in_doubt(earlier=EARLIER), **RETRAIN), submits),
    ],
    "request out, no id, the earlier's inputs again": [
        (situation(in_doubt(earlier=EARLIER), fingerprint="before"), puts_back(settled=False)),
        (
            situation(in_doubt(earlier=EARLIER), fingerprint="before", can_list=False),
            puts_back(settled=False),
        ),
        # A retrain, or a failed one trained again: the inputs are the same, so that the lost one counts.
        (
            situation(in_doubt(earlier=replace(EARLIER, fingerprint="same"))),
            lambda step: isinstance(step, AskModels),
        ),
    ],
    "request out, no id, list of the same account and key": [
        (situation(in_doubt()), lambda step: step == AskModels(1000.0 + SETTLE_AFTER)),
        (situation(in_doubt(), **CLEARED), lambda step: isinstance(step, AskModels)),
        (situation(in_doubt(), **CHANGED), lambda step: isinstance(step, AskModels)),
        (situation(in_doubt(known_models=())), lambda step: isinstance(step, AskModels)),
        # A request that timed out: the service may have accepted it at the last moment.
        (situation(in_doubt(lost_at=1090.0)), lambda step: step == AskModels(1090.0 + SETTLE_AFTER)),
    ],
    "it shows running trainings, no new one": [
        (situation(in_doubt(), listing=listing("old")), submits),
        (situation(in_doubt(), listing=listing()), submits),
        (situation(in_doubt(), listing=listing("new", claimed=frozenset({"new"}))), submits),
        (situation(in_doubt(earlier=EARLIER), listing=listing("old")), puts_back(settled=True)),
        # The earlier training itself may have come into the list since.
        (situation(in_doubt(earlier=EARLIER), listing=listing("T0")), puts_back(settled=True)),
    ],
    "it shows running trainings, one new, nobody else's": [
        (situation(in_doubt(), listing=ONE_NEW), lambda step: step == Adopt("new")),
        (
            situation(in_doubt(), listing=listing("new", "theirs", claimed=frozenset({"theirs"}))),
            lambda step: step == Adopt("new"),
        ),
    ],
    "anything else": [
        (situation(in_doubt(), listing=replace(ONE_NEW, claimed=None)), LOST),
        (situation(in_doubt(), listing=replace(ONE_NEW, others_in_doubt=1)), LOST),
        (situation(in_doubt(), listing=listing("a", "b")), LOST),
        (situation(in_doubt(), listing=listing("a", "b"), on_lost_submission="resubmit"), submits),
        # Not known to show trainings while they are running: neither answer is a proof.
        *(
            (situation(in_doubt(), listing=listing(*rows, shows_running=shown)), LOST)
            for rows in (("old",), ("old", "new"))
            for shown in (None, False)
        ),
        (situation(in_doubt(), listing=listing(shows_running=None), on_lost_submission="resubmit"), submits),
        # A row without an id may be it.
        (situation(in_doubt(), listing=listing("old", None)), LOST),
        (situation(in_doubt(), listing=listing("new", None)), LOST),
    ],
    "request out, no id, no such list": [
        (situation(in_doubt(), can_list=False), LOST),
        (situation(in_doubt(), can_list=False, on_lost_submission="resubmit"), submits),
        (situation(in_doubt(known_models=None)), LOST),
        (
            situation(in_doubt(), listing=listing("old", shows_running=True, claimed=None), can_list=False),
            LOST,
        ),
        (situation(in_doubt(), listing=Listing(models=None)), LOST),
        # The list of another account cannot tell what became of a request to this one.
        (situation(in_doubt(), **MOVED), LOST),
        (situation(in_doubt(), listing=listing("old"), **MOVED), LOST),
        (situation(in_doubt(), **OTHER_KEY), LOST),
        (situation(in_doubt(), listing=listing("old"), **OTHER_KEY), LOST),
        (situation(in_doubt(), listing=ONE_NEW, **OTHER_KEY), LOST),
        (situation(in_doubt(key_digest=None)), LOST),
    ],
    "id known, the earlier one is still in the record": [
        (situation(record(earlier=EARLIER)), cancels_earlier),
        (situation(record(earlier=EARLIER), **CHANGED), cancels_earlier),
        (situation(record(earlier=replace(EARLIER, adopted=True))), leaves_earlier("somebody else's")),
        (situation(record(earlier=replace(EARLIER, key_digest="x:y"))), leaves_earlier("another key")),
        (situation(record(earlier=replace(EARLIER, key_digest=None))), leaves_earlier("another key")),
        # One account may be reached by several host names.
        (situation(record(earlier=replace(EARLIER, account=GATEWAY))), cancels_earlier),
        (situation(record(earlier=replace(EARLIER, ending=Ending.READY))), leaves_earlier("is ready")),
        # Not replaced by other inputs: it had ended or was not found, and may be there after all.
        (situation(record(earlier=replace(EARLIER, fingerprint="same"))), leaves_earlier("did not know it")),
        (
            situation(record(max_tries=6, earlier=replace(EARLIER, fingerprint="same"))),
            leaves_earlier("did not know it"),
        ),
        (
            situation(
                record(max_tries=6, earlier=replace(EARLIER, fingerprint="same")),
                **{**RETRAIN, "max_tries": 6},
            ),
            cancels_earlier,
        ),
        # A person has put the earlier one's id into the record.
        (situation(record(training_id="T0", earlier=EARLIER)), leaves_earlier("the task is about")),
    ],
    "id known, ended, changed or ``retrain``": [
        (situation(record(ending=ending), **why), submits)
        for ending in (Ending.READY, Ending.FAILED, Ending.FAILED_PERMANENTLY, Ending.CANCELLED_EXTERNALLY)
        for why in (CHANGED, RETRAIN)
    ],
    "id known, failed, retry": [
        (situation(record(ending=Ending.FAILED)), submits),
        (situation(record(ending=Ending.FAILED_PERMANENTLY)), FAILED),
    ],
    "id known, failed or cancelled, cleared": [
        (situation(record(ending=ending), **CLEARED), submits)
        for ending in (
            Ending.FAILED,
            Ending.FAILED_PERMANENTLY,
            Ending.CANCELLED,
            Ending.CANCELLED_EXTERNALLY,
        )
    ],
    "id known, cancelled by a timeout, retry": [(situation(record(ending=Ending.CANCELLED)), submits)],
    "id known, cancelled externally, retry": [
        (situation(record(ending=Ending.CANCELLED_EXTERNALLY)), FAILED)
    ],
    "id known, else": [
        (situation(record(**ended), **why), lambda step: step == AskStatus("T1"))
        for ended in ({}, {"ending": Ending.READY}, {"fingerprint": ""})
        for why in ({}, CLEARED, MOVED, OTHER_KEY, {**MOVED, **CLEARED})
    ]
    + [(situation(record(), **why), lambda step: step == AskStatus("T1")) for why in (CHANGED, RETRAIN)],
    "running, changed or cleared with ``retrain``": [
        (situation(record(), status=status(Outcome.RUNNING), **why), submits) for why in (CHANGED, RETRAIN)
    ],
    "running": [
        (situation(record(), status=status(Outcome.RUNNING), **why), lambda step: isinstance(step, Wait))
        for why in ({}, CLEARED, {"on_clear": "retrain"}, MOVED, OTHER_KEY)
    ],
    "ready, changed or cleared with ``retrain``": [
        (situation(record(), status=status(Outcome.READY), **why), submits) for why in (CHANGED, RETRAIN)
    ],
    "ready": [
        (situation(record(), status=status(Outcome.READY), **why), lambda step: step == Finished("T1"))
        for why in ({}, CLEARED, MOVED, OTHER_KEY)
    ],
    "failed": [
        (situation(record(), status=status(Outcome.FAILED)), submits),
        (situation(record(), status=status(Outcome.FAILED, permanent=True)), FAILED),
        (situation(record(), status=status(Outcome.FAILED, permanent=True), **CLEARED), submits),
        (situation(record(), status=status(Outcome.FAILED, permanent=True), **CHANGED), submits),
    ],
    "cancelled, cleared or changed": [
        (situation(record(), status=status(Outcome.CANCELLED), **why), submits)
        for why in (CLEARED, CHANGED, RETRAIN)
    ],
    "cancelled externally, retry": [(situation(record(), status=status(Outcome.CANCELLED)), FAILED)],
    "not found, requested less than two minutes ago": [
        (situation(record(), status=GONE, now=1000.0 + LAGS_FOR - 1, **why), LAGS)
        for why in ({}, CLEARED, CHANGED, RETRAIN, MOVED)
    ],
    "not found, changed or ``retrain``": [
        (situation(record(ending=ending), status=GONE, **why), submits)
        for ending in (None, Ending.READY)
        for why in (CHANGED, RETRAIN)
    ],
    "not found, cleared, never seen ready or moved": [
        (situation(record(), status=GONE, **CLEARED), submits),
        (situation(record(), status=GONE, **CLEARED, **MOVED), submits),
        (situation(record(ending=Ending.READY), status=GONE, **CLEARED, **MOVED), submits),
    ],
    "not found": [
        (situation(record(), status=GONE), NOT_FOUND),
        (situation(record(), status=GONE, **MOVED), NOT_FOUND),
        (situation(record(), status=GONE, **OTHER_KEY), NOT_FOUND),
        (situation(record(), status=GONE, now=1000.0 + LAGS_FOR), NOT_FOUND),
        (situation(record(ending=Ending.READY), status=GONE, now=1001.0), NOT_FOUND),
        (situation(record(ending=Ending.READY), status=GONE), NOT_FOUND),
        (situation(record(ending=Ending.READY), status=GONE, **CLEARED), NOT_FOUND),
    ],
}


@pytest.mark.parametrize(
    ("row", "number"), [(row, number) for row, cases in ROWS.items() for number in range(len(cases))]
)
def test_each_row_of_the_table(row: str, number: int) -> None:
    known, expected = ROWS[row][number]
    step = decide(known)
    assert expected(step), step


def test_the_docstring_has_exactly_the_rows_that_are_tested() -> None:
    body = (decision.__doc__ or "").split("next\n", 1)[1].split("\n", 1)[1].rsplit("\n====", 1)[0]
    rows = [line[:54].strip() for line in body.splitlines() if line[:54].strip()]
    assert rows == list(ROWS)


@pytest.mark.parametrize("row", ROWS)
def test_nothing_is_asked_twice(row: str) -> None:
    """A decision with its answer at hand always leads on: carrying it out cannot run in a circle."""
    for known, _ in ROWS[row]:
        step = decide(known)
        if isinstance(step, AskStatus):
            assert not isinstance(decide(replace(known, status=status(Outcome.RUNNING))), AskStatus)
        if isinstance(step, AskModels):
            assert not isinstance(decide(replace(known, listing=ONE_NEW)), AskModels)


def test_a_lost_submission_says_when_where_and_how_to_go_on() -> None:
    step = decide(situation(in_doubt(), listing=replace(ONE_NEW, others_in_doubt=2)))
    assert isinstance(step, Fail)
    text = str(step.error)
    for part in (
        "1970-01-01T00:16:40",
        HERE,
        "new",
        "2 other",
        "dreambooth_training",
        "training_id",
        "resubmit",
    ):
        assert part in text


def test_a_lost_submission_tells_why_the_list_is_no_help() -> None:
    texts = [
        str(step.error)
        for known in (
            situation(in_doubt(), can_list=False),
            situation(in_doubt(known_models=None)),
            situation(in_doubt(), listing=Listing(models=None)),
            situation(in_doubt(), listing=replace(ONE_NEW, claimed=None)),
            situation(in_doubt(), **OTHER_KEY),
            situation(in_doubt(), **MOVED),
            situation(in_doubt(), listing=listing("old", shows_running=None)),
            situation(in_doubt(), listing=listing("old", shows_running=False)),
            situation(in_doubt(), listing=listing("new", None)),
            situation(in_doubt(), listing=listing("new", shows_running=None)),
        )
        if isinstance(step := decide(known), Fail)
    ]
    assert len(set(texts)) == 10
    assert "no list of trainings" in texts[0]
    assert "which models this account had before" in texts[1]
    assert "another key" in texts[4]
    assert GATEWAY in texts[5]
    assert "never been seen to show one" in texts[6]
    assert "name no id" in texts[8]


def test_a_lost_replacement_says_that_the_earlier_training_was_not_touched() -> None:
    step = decide(situation(in_doubt(earlier=EARLIER), can_list=False))
    assert isinstance(step, Fail)
    assert "T0, which it was to replace, was not touched" in str(step.error)


def test_what_a_clear_will_cost_is_said_when_the_service_forgot_the_training() -> None:
    never_ready = decide(situation(record(), status=GONE))
    was_ready = decide(situation(record(ending=Ending.READY), status=GONE))
    assert isinstance(never_ready, Fail)
    assert isinstance(was_ready, Fail)
    # As decided: a clear of the first pays, a clear of the second does not by itself.
    assert "a clear pays for a new one" in str(never_ready.error)
    assert "delete the entry" in str(was_ready.error)
