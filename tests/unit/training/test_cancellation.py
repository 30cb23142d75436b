# SPDX-License-Identifier: Apache-2.0
"""Every cancel says what became of the training."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.training.cancellation import (
    Cancellation,
    Fate,
    acancel,
    cancel,
)
from tests.unit.operators.paid_world import Training, status_of

STAGES = {"running": "deploying_gpu", "ready": "model_ready", "failed": "training_failed"}


class Service:
    """
    Stands in for the hook: gives one answer after the other to each question.

    :param status: stages, or errors.
    :param cancel: answers, or errors.
    """

    def __init__(self, status: list[Any], cancel: list[Any], environment: Environment) -> None:
        self.answers = {"status": status, "cancel": cancel}
        self.environment = environment
        self.asked: list[str] = []

    def _answer(self, question: str) -> Any:
        self.asked.append(question)
        answer = self.answers[question].pop(0)
        if isinstance(answer, DreamboothError):
            raise answer
        return answer

    def fine_tune_status(self, training_id: str) -> Any:
        return status_of(Training(training_id, None, 0, 0.0, stage=STAGES[self._answer("status")]))

    def cancel_training(self, training_id: str) -> Any:
        return self._answer("cancel")


class Client:
    """The same answers from inside an event loop."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def environment(self) -> Environment:
        return self.service.environment

    async def send(self, call: Any, *, patient: bool = False) -> Any:
        if "cancel" in call.about:
            return self.service.cancel_training(call.training_id)
        return self.service.fine_tune_status(call.training_id)


NOT_FOUND, BUSY, KEY = (
    DreamboothNotFoundError("Training not found"),
    DreamboothTransientError("HTTP 503"),
    DreamboothAuthError("Invalid key"),
)
CASES: dict[str, tuple[list[Any], list[Any], Fate, str, list[str]]] = {
    "it was running": (["running"], ["ok"], Fate.CANCELLED, "is cancelled, since", ["status", "cancel"]),
    "it was ready": (["ready"], [], Fate.ENDED, "has ended already (model_ready)", ["status"]),
    "it is gone": ([NOT_FOUND], [], Fate.ENDED, "does not know training T1", ["status"]),
    "the status is not known": ([BUSY], ["ok"], Fate.CANCELLED, "is cancelled, since", ["status", "cancel"]),
    "it ends meanwhile": (
        ["running", "ready"],
        [NOT_FOUND],
        Fate.ENDED,
        "has ended already",
        ["status", "cancel", "status"],
    ),
    "it is gone meanwhile": (
        ["running", NOT_FOUND],
        [BUSY],
        Fate.ENDED,
        "does not know",
        ["status", "cancel", "status"],
    ),
    "the cancel is refused": (
        ["running", "running"],
        [KEY],
        Fate.UNKNOWN,
        "could not be cancelled and may still be running: Invalid key",
        ["status", "cancel", "status"],
    ),
    "nothing answers": (
        [BUSY, BUSY],
        [BUSY],
        Fate.UNKNOWN,
        "could not be cancelled and may still be running: HTTP 503",
        ["status", "cancel", "status"],
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("inside_an_event_loop", [False, True], ids=["blocking", "async"])
async def test_every_cancel_says_what_became_of_the_training(
    case: str, inside_an_event_loop: bool, mocker: MockerFixture
) -> None:
    statuses, cancels, fate, text, asked = CASES[case]
    answers = [mocker.Mock(message="Training cancelled") if item == "ok" else item for item in cancels]
    service = Service(list(statuses), answers, Environment.PRODUCTION)
    if inside_an_event_loop:
        result = await acancel(Client(service), "T1", why="the reason")  # type: ignore[arg-type]
    else:
        result = cancel(service, "T1", why="the reason")  # type: ignore[arg-type]
    assert result.fate is fate
    assert text in result.text
    assert "T1" in result.text
    assert service.asked == asked
    assert (result.error is not None) is (fate is Fate.UNKNOWN)


def test_in_the_sandbox_it_is_still_running_and_nothing_is_sent_to_cancel_it() -> None:
    service = Service(["running"], [], Environment.SANDBOX)
    result = cancel(service, "T1", why="the task was marked failed")  # type: ignore[arg-type]
    assert result.fate is Fate.RUNNING
    assert "still running although the task was marked failed: the sandbox" in result.text


def test_a_report_cancels_nothing() -> None:
    service = Service(["running"], [], Environment.PRODUCTION)
    result = cancel(service, "T1", why="any", report_only=True)  # type: ignore[arg-type]
    assert "would be cancelled (report_only)" in result.text
    assert service.asked == ["status"]


def test_a_report_that_cannot_be_made_is_an_error() -> None:
    with pytest.raises(DreamboothTransientError):
        cancel(Service([BUSY], [], Environment.PRODUCTION), "T1", why="any", report_only=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fate", "level"),
    [
        (Fate.CANCELLED, "info"),
        (Fate.ENDED, "info"),
        (Fate.RUNNING, "warning"),
        (Fate.UNKNOWN, "warning"),
    ],
)
def test_what_a_person_may_have_to_do_is_a_warning(fate: Fate, level: str, mocker: MockerFixture) -> None:
    log = mocker.Mock()
    Cancellation(fate, "words").report(log)
    getattr(log, level).assert_called_once_with("%s", "words")
