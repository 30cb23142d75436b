"""Every row of the decision table, by the words of the table itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_dreambooth.api.results import FineTuneStatus
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothLostSubmissionError,
    DreamboothNotFoundError,
    DreamboothTrainingFailedError,
)
from airflow_provider_dreambooth.training import decision
from airflow_provider_dreambooth.training.decision import (
    SETTLE_AFTER,
    Adopt,
    AskModels,
    AskStatus,
    Finished,
    GiveUp,
    Listing,
    Situation,
    Step,
    Submit,
    Wait,
    decide,
)
from airflow_provider_dreambooth.training.record import Ending, Record

HERE = "stablediffusionapi.com production"
NEVER = frozenset[str]()


def record(**changes: Any) -> Record:
    known: dict[str, Any] = {
        "fingerprint": "same",
        "account": HERE,
        "intent_at": 1000.0,
        "max_tries": 2,
        "training_id": "T1",
    }
    return Record(**{**known, **changes})


def in_doubt(**changes: Any) -> Record:
    return record(**{"training_id": None, "known_models": ("old",), **changes})


def situation(known: Record | None, **changes: Any) -> Situation:
    facts: dict[str, Any] = {"fingerprint": "same", "account": HERE, "max_tries": 2, "can_list": True}
    return Situation(record=known, **{**facts, **changes})


def status(outcome: Outcome, *, permanent: bool = False) -> FineTuneStatus:
    reason = "Valid image links less than 3" if outcome is Outcome.FAILED else None
    return FineTuneStatus("T1", outcome.value, outcome, reason=reason, cause_is_permanent=permanent)


CLEARED: dict[str, Any] = {"max_tries": 5}
RETRAIN: dict[str, Any] = {"max_tries": 5, "on_clear": "retrain"}
CHANGED: dict[str, Any] = {"fingerprint": "other"}
GONE = DreamboothNotFoundError("unknown", raw="Training not found")
ONE_NEW = Listing(models=frozenset({"old", "new"}), claimed=NEVER)


def submits(step: Step) -> bool:
    return isinstance(step, Submit) and step.cancel is None


def cancels_and_submits(step: Step) -> bool:
    return isinstance(step, Submit) and step.cancel == "T1"


def gives_up(kind: type[DreamboothError]) -> Callable[[Step], bool]:
    return lambda step: isinstance(step, GiveUp) and type(step.error) is kind and step.error.permanent


LOST = gives_up(DreamboothLostSubmissionError)
FAILED = gives_up(DreamboothTrainingFailedError)
VANISHED = gives_up(DreamboothNotFoundError)

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
    ],
    "request out, no id, model list of the same account": [
        (situation(in_doubt()), lambda step: step == AskModels(1000.0 + SETTLE_AFTER)),
        (situation(in_doubt(), **CLEARED), lambda step: isinstance(step, AskModels)),
        (situation(in_doubt(), **CHANGED), lambda step: isinstance(step, AskModels)),
        (situation(in_doubt(known_models=())), lambda step: isinstance(step, AskModels)),
        # A request that timed out: the service may have taken it on at the last moment.
        (situation(in_doubt(lost_at=1090.0)), lambda step: step == AskModels(1090.0 + SETTLE_AFTER)),
    ],
    "no new model": [
        (situation(in_doubt(), listing=Listing(models=frozenset({"old"}), claimed=NEVER)), submits),
        (situation(in_doubt(), listing=Listing(models=NEVER, claimed=NEVER)), submits),
        (
            situation(in_doubt(), listing=Listing(models=frozenset({"new"}), claimed=frozenset({"new"}))),
            submits,
        ),
    ],
    "one new model, claimed by nobody, nobody in doubt": [
        (situation(in_doubt(), listing=ONE_NEW), lambda step: step == Adopt("new")),
        (
            situation(
                in_doubt(),
                listing=Listing(models=frozenset({"new", "theirs"}), claimed=frozenset({"theirs"})),
            ),
            lambda step: step == Adopt("new"),
        ),
    ],
    "anything else": [
        (situation(in_doubt(), listing=replace(ONE_NEW, claimed=None)), LOST),
        (situation(in_doubt(), listing=replace(ONE_NEW, others_in_doubt=1)), LOST),
        (situation(in_doubt(), listing=replace(ONE_NEW, models=frozenset({"a", "b"}))), LOST),
        (
            situation(
                in_doubt(),
                listing=replace(ONE_NEW, models=frozenset({"a", "b"})),
                on_lost_submission="resubmit",
            ),
            submits,
        ),
    ],
    "request out, no id, no such list": [
        (situation(in_doubt(), can_list=False), LOST),
        (situation(in_doubt(), can_list=False, on_lost_submission="resubmit"), submits),
        (situation(in_doubt(known_models=None)), LOST),
        (situation(in_doubt(), listing=Listing(models=None)), LOST),
        # The list of another account cannot tell what became of a request to this one.
        (situation(in_doubt(account="elsewhere production")), LOST),
        (situation(in_doubt(account="elsewhere production"), listing=ONE_NEW), LOST),
    ],
    "id known, other account": [
        (situation(record(account="localhost:8765 production")), submits),
        (situation(record(account="localhost:8765 production", ending=Ending.READY)), submits),
    ],
    "id known, ended, changed or ``retrain``": [
        (situation(record(ending=ending), **why), submits)
        for ending in (Ending.READY, Ending.FAILED, Ending.FAILED_FOR_GOOD, Ending.CANCELLED_ELSEWHERE)
        for why in (CHANGED, RETRAIN)
    ],
    "id known, failed, retry": [
        (situation(record(ending=Ending.FAILED)), submits),
        (situation(record(ending=Ending.FAILED_FOR_GOOD)), FAILED),
    ],
    "id known, failed or cancelled, cleared": [
        (situation(record(ending=ending), **CLEARED), submits)
        for ending in (
            Ending.FAILED,
            Ending.FAILED_FOR_GOOD,
            Ending.CANCELLED,
            Ending.CANCELLED_ELSEWHERE,
        )
    ],
    "id known, cancelled by a timeout, retry": [(situation(record(ending=Ending.CANCELLED)), submits)],
    "id known, cancelled by somebody else, retry": [
        (situation(record(ending=Ending.CANCELLED_ELSEWHERE)), FAILED)
    ],
    "id known, else": [
        (situation(record()), lambda step: step == AskStatus("T1")),
        (situation(record(), **CLEARED), lambda step: step == AskStatus("T1")),
        (situation(record(), **CHANGED), lambda step: step == AskStatus("T1")),
        (situation(record(ending=Ending.READY)), lambda step: step == AskStatus("T1")),
        # Handed over by a person who left the fingerprint out.
        (situation(record(fingerprint="")), lambda step: step == AskStatus("T1")),
    ],
    "running, changed or cleared with ``retrain``": [
        (situation(record(), status=status(Outcome.RUNNING), **why), cancels_and_submits)
        for why in (CHANGED, RETRAIN)
    ],
    "running": [
        (situation(record(), status=status(Outcome.RUNNING), **why), lambda step: isinstance(step, Wait))
        for why in ({}, CLEARED, {"on_clear": "retrain"})
    ],
    "ready, changed or cleared with ``retrain``": [
        (situation(record(), status=status(Outcome.READY), **why), submits) for why in (CHANGED, RETRAIN)
    ],
    "ready": [
        (situation(record(), status=status(Outcome.READY), **why), lambda step: step == Finished("T1"))
        for why in ({}, CLEARED)
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
    "cancelled by somebody else, retry": [(situation(record(), status=status(Outcome.CANCELLED)), FAILED)],
    "unknown to the service, changed or ``retrain``": [
        (situation(record(ending=ending), status=GONE, **why), submits)
        for ending in (None, Ending.READY)
        for why in (CHANGED, RETRAIN)
    ],
    "unknown to the service, cleared, never seen ready": [
        (situation(record(), status=GONE, **CLEARED), submits)
    ],
    "unknown to the service": [
        (situation(record(), status=GONE), VANISHED),
        (situation(record(ending=Ending.READY), status=GONE), VANISHED),
        (situation(record(ending=Ending.READY), status=GONE, **CLEARED), VANISHED),
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


def test_a_training_that_is_waited_for_is_never_cancelled_without_a_reason() -> None:
    for outcome in Outcome:
        for why in ({}, CLEARED, {"on_clear": "retrain"}):
            step = decide(situation(record(), status=status(outcome), **why))
            assert not (isinstance(step, Submit) and step.cancel)


def test_a_lost_submission_says_when_where_and_how_to_go_on() -> None:
    step = decide(situation(in_doubt(), listing=replace(ONE_NEW, others_in_doubt=2)))
    assert isinstance(step, GiveUp)
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
        )
        if isinstance(step := decide(known), GiveUp)
    ]
    assert len(set(texts)) == 4
    assert "no list of trainings" in texts[0]
    assert "which models this account had before" in texts[1]


def test_what_a_clear_will_cost_is_said_when_the_service_forgot_the_training() -> None:
    never_ready = decide(situation(record(), status=GONE))
    was_ready = decide(situation(record(ending=Ending.READY), status=GONE))
    assert isinstance(never_ready, GiveUp)
    assert isinstance(was_ready, GiveUp)
    # As decided: a clear of the first pays, a clear of the second does not by itself.
    assert "a clear pays for a new one" in str(never_ready.error)
    assert "delete the entry" in str(was_ready.error)
