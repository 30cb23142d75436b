# SPDX-License-Identifier: Apache-2.0
"""Cancel, delete and reload on a real server: what is gone already is no error, what cannot be done is said."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException

from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.operators.dreambooth import (
    DreamboothCancelTrainingOperator,
    DreamboothDeleteModelOperator,
    DreamboothReloadModelOperator,
)
from tests.unit.conftest import Served
from tests.unit.task_surroundings import TaskInstance, context_of


def run(made: Any) -> Any:
    return made.execute(context_of(TaskInstance(made.task_id)))


def cancel(training_id: str) -> Any:
    return run(DreamboothCancelTrainingOperator(task_id="cancel", training_id=training_id))


def test_a_running_training_is_cancelled(served: Served) -> None:
    training_id = served.train()
    cancel(training_id)
    assert served.stage(training_id) == "training_cancelled"


@pytest.mark.parametrize("action", ["ready", "fail", "cancel", "vanish"])
def test_a_training_that_has_ended_or_is_gone_is_no_error(served: Served, action: str) -> None:
    training_id = served.train()
    served.force(training_id, action)
    cancel(training_id)


def test_a_training_that_ends_between_question_and_cancel_is_no_error(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    training_id = served.train()
    original = DreamboothHook.cancel_training

    def too_late(hook: DreamboothHook, asked: str) -> Any:
        served.force(training_id, "ready")
        return original(hook, asked)

    monkeypatch.setattr(DreamboothHook, "cancel_training", too_late)
    cancel(training_id)
    assert served.stage(training_id) == "model_ready"


def test_a_cancel_that_is_refused_while_the_training_runs_is_an_error(served: Served) -> None:
    training_id = served.train()
    served.fault("custom", endpoint="cancel", body={"status": "error", "message": "prompt is required"})
    with pytest.raises(DreamboothError):
        cancel(training_id)


def test_the_sandbox_cannot_cancel_and_says_so(served: Served) -> None:
    served.connect(extra={"environment": "sandbox"})
    training_id = served.train()
    with pytest.raises(DreamboothValidationError, match="still running") as caught:
        cancel(training_id)
    assert isinstance(caught.value, AirflowFailException)


def test_a_model_is_deleted_and_a_second_time_is_no_error(served: Served) -> None:
    training_id = served.train()
    served.force(training_id, "ready")
    for _ in range(2):
        run(DreamboothDeleteModelOperator(task_id="delete", model_id=training_id))
    assert DreamboothHook().list_models() == ()


def test_a_model_is_reloaded(served: Served) -> None:
    training_id = served.train()
    served.force(training_id, "ready")
    assert run(DreamboothReloadModelOperator(task_id="reload", model_id=training_id)) is not None


@pytest.mark.parametrize("nothing", [None, "", "None", " "])
@pytest.mark.parametrize(
    ("operator_class", "argument"),
    [(DreamboothCancelTrainingOperator, "training_id"), (DreamboothDeleteModelOperator, "model_id")],
)
def test_a_clean_up_after_a_training_that_was_skipped_or_refused_is_skipped(
    served: Served, operator_class: Any, argument: str, nothing: Any
) -> None:
    with pytest.raises(AirflowSkipException, match=f"{argument} is empty"):
        run(operator_class(task_id="t", **{argument: nothing}))


@pytest.mark.parametrize(
    ("operator_class", "argument", "nothing"),
    [
        (DreamboothCancelTrainingOperator, "training_id", ".."),
        (DreamboothDeleteModelOperator, "model_id", ".."),
        *((DreamboothReloadModelOperator, "model_id", nothing) for nothing in ("", "None", "..", " ")),
    ],
)
def test_an_id_that_names_nothing_is_refused(
    served: Served, operator_class: Any, argument: str, nothing: str
) -> None:
    with pytest.raises(DreamboothValidationError, match=argument) as caught:
        run(operator_class(task_id="t", **{argument: nothing}))
    assert isinstance(caught.value, AirflowFailException)


def test_a_refused_key_ends_the_task(served: Served) -> None:
    served.fault("invalid_key")
    with pytest.raises(DreamboothAuthError) as caught:
        cancel("T1")
    assert isinstance(caught.value, AirflowFailException)
