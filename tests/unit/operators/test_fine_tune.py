# SPDX-License-Identifier: Apache-2.0
"""The training operator on a real server: waiting on a worker, kills, refusals, events."""

from __future__ import annotations

import logging
import threading
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSkipException,
    Asset,
    TaskDeferred,
)

from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothTrainingFailedError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.operators import training as module
from airflow_provider_dreambooth.operators.fine_tune import DreamboothFineTuneOperator
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.runtime.stall import StallDetector
from airflow_provider_dreambooth.training.event import WaitEnded
from airflow_provider_dreambooth.training.record import RECORD_KEY
from airflow_provider_dreambooth.transport.rate_limit import rate_limit_of
from tests.unit.conftest import Served
from tests.unit.task_surroundings import MemoryStateStore, MemoryVariables, TaskInstance, context_of


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> MemoryVariables:
    values = MemoryVariables()
    monkeypatch.setattr("airflow_provider_dreambooth.runtime.variables.accessor", lambda: values)
    return values


def operator(served: Served, **changes: Any) -> DreamboothFineTuneOperator:
    arguments: dict[str, Any] = {
        "instance_prompt": "photo of zwx fox",
        "class_prompt": "photo of fox",
        "images": [f"{served.url}/samples/fox/{number}.png" for number in range(1, 9)],
        "base_model_id": "portraitplus-diffusion",
        "poll_interval": 0.05,
        **changes,
    }
    return DreamboothFineTuneOperator(task_id="train", **arguments)


def paid(served: Served) -> list[str]:
    from airflow_provider_dreambooth.emulator.service import fingerprint

    return [
        training_id
        for training_id, training in served.service.trainings.items()
        if training.account == fingerprint(served.key)
    ]


def test_it_returns_the_id_and_pushes_it_first(served: Served) -> None:
    task_instance = TaskInstance()
    training_id = operator(served).execute(context_of(task_instance))
    assert paid(served) == [training_id]
    assert task_instance.xcoms["training_id"] == training_id
    assert task_instance.pushed[0] == "training_id"


def test_it_waits_on_the_worker_until_the_model_is_ready(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Time:
        time = staticmethod(time.time)

        @staticmethod
        def sleep(seconds: float) -> None:
            served.service.clock.advance(400.0)  # type: ignore[attr-defined]

    monkeypatch.setattr(module, "time", Time)
    store = MemoryStateStore()
    training_id = operator(served, wait_for_completion=True).execute(context_of(TaskInstance(), store))
    assert served.stage(training_id) == "model_ready"
    assert store.get(RECORD_KEY)["ending"] == "ready"


def test_a_second_run_of_the_same_task_pays_nothing(served: Served) -> None:
    store = MemoryStateStore()
    first = operator(served).execute(context_of(TaskInstance(), store))
    assert operator(served).execute(context_of(TaskInstance(), store)) == first
    assert len(paid(served)) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"images": "https://x.example/1.png"},
        {"images": []},
        {"instance_prompt": " "},
        {"method": "magic"},
        {"training_type": "robot"},
        {"max_train_steps": 5000},
    ],
    ids=str,
)
@pytest.mark.parametrize("deferrable", [False, True])
def test_bad_input_is_refused_before_money_is_spent(
    served: Served, wrong: dict[str, Any], deferrable: bool
) -> None:
    store = MemoryStateStore()
    with pytest.raises(DreamboothValidationError) as caught:
        operator(served, deferrable=deferrable, wait_for_completion=True, **wrong).execute(
            context_of(TaskInstance(), store)
        )
    assert isinstance(caught.value, AirflowFailException)
    assert next(iter(wrong)) in str(caught.value)
    assert paid(served) == []
    assert RECORD_KEY not in store.entries


@pytest.mark.parametrize(
    "wrong",
    [
        {"on_clear": "redo"},
        {"on_lost_submission": "ignore"},
        {"on_lost_submission": None},
        {"timeout": 0},
        {"timeout": "soon"},
        {"timeout": timedelta(0)},
        {"timeout": float("inf")},
        {"poll_interval": 0},
        {"poll_interval": "5"},
        {"poll_interval": float("inf")},
        {"wait_for_completion": "False"},
        {"deferrable": 1},
        {"cancel_on_kill": "{{ params.cancel }}"},
        {"cancel_on_timeout": None},
        {"validate_only": "no"},
    ],
    ids=str,
)
def test_an_argument_that_no_template_can_change_is_refused_when_the_dag_is_read(
    served: Served, wrong: dict[str, Any]
) -> None:
    with pytest.raises(DreamboothValidationError, match=next(iter(wrong))):
        operator(served, **wrong)


def test_outlets_of_a_task_that_does_not_wait_are_refused_when_the_dag_is_read(served: Served) -> None:
    with pytest.raises(DreamboothValidationError, match="wait_for_completion"):
        operator(served, outlets=[Asset("dreambooth://models/any")])


@pytest.mark.parametrize(
    ("environment", "said"), [("production", "accepts the key"), ("sandbox", "is not known: the sandbox")]
)
def test_validate_only_says_what_would_be_sent_pays_nothing_and_skips(
    served: Served,
    environment: str,
    said: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(DreamboothFineTuneOperator, "log", logging.getLogger("the task's log"), raising=False)
    served.connect(extra={"environment": environment})
    store = MemoryStateStore()
    trying = operator(
        served, base_model_id=None, validate_only=True, parameters={"hf_token": "another key", "further": 1}
    )
    with caplog.at_level(logging.INFO), pytest.raises(AirflowSkipException) as caught:
        trying.execute(context_of(TaskInstance(), store))
    assert said in str(caught.value)
    assert "costs from 3 USD a training (documentation of the service" in str(caught.value)
    assert '"instance_prompt": "photo of zwx fox"' in caplog.text
    assert '"further": 1' in caplog.text
    assert "another key" not in caplog.text
    assert paid(served) == []
    assert store.entries == {}


@pytest.mark.parametrize(
    ("wrong", "error_class"),
    [
        ({"method": "magic"}, DreamboothValidationError),
        ({"images": ["https://x.example/1.png"]}, DreamboothValidationError),
        ({"images": ["/nowhere/1.png", "/nowhere/2.png", "/nowhere/3.png"]}, DreamboothValidationError),
    ],
    ids=str,
)
def test_validate_only_fails_where_a_training_would_be_refused(
    served: Served, wrong: dict[str, Any], error_class: type[Exception]
) -> None:
    with pytest.raises(error_class) as caught:
        operator(served, validate_only=True, **wrong).execute(context_of(TaskInstance()))
    assert isinstance(caught.value, AirflowFailException)


def test_validate_only_fails_when_the_key_is_refused(served: Served) -> None:
    served.fault("invalid_key")
    with pytest.raises(DreamboothAuthError, match="no training was started and nothing was paid"):
        operator(served, validate_only=True).execute(context_of(TaskInstance()))


@pytest.mark.parametrize("entry", ["nonsense", [], {"training_id": "T1"}, {"version": 9}])
def test_an_unreadable_record_pays_nothing(served: Served, entry: Any) -> None:
    store = MemoryStateStore()
    store.set(RECORD_KEY, entry)
    with pytest.raises(DreamboothValidationError, match="Nothing was sent"):
        operator(served).execute(context_of(TaskInstance(), store))
    assert paid(served) == []


def test_it_defers_with_a_deadline_and_without_a_secret(served: Served) -> None:
    task_instance = TaskInstance()
    with pytest.raises(TaskDeferred) as caught:
        operator(served, wait_for_completion=True, deferrable=True, timeout=3600).execute(
            context_of(task_instance)
        )
    path, arguments = caught.value.trigger.serialize()
    assert path.endswith("DreamboothFineTuneTrigger")
    assert arguments["training_id"] == task_instance.xcoms["training_id"]
    assert arguments["cancel_on_kill"] is True
    assert served.key not in str(arguments)
    assert caught.value.timeout is not None
    assert caught.value.timeout.total_seconds() > 3600
    # A task that comes back at once can be lost by Airflow.
    assert arguments["first_poll"] - time.time() > 5


@pytest.mark.parametrize("learns", [True, False])
@pytest.mark.parametrize(
    ("environment", "advice"),
    [("production", "cancel it with DreamboothCancelTrainingOperator"), ("sandbox", "no cancel in any case")],
)
def test_it_says_where_a_mark_failed_will_not_be_noticed(
    learns: bool,
    environment: str,
    advice: str,
    served: Served,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(compat, "TRIGGERS_LEARN_OF_KILLS", learns)
    monkeypatch.setattr(DreamboothFineTuneOperator, "log", logging.getLogger("the task's log"), raising=False)
    served.connect(extra={"environment": environment})
    task_instance = TaskInstance()
    asked = operator(served, base_model_id=None, wait_for_completion=True, deferrable=True)
    with caplog.at_level(logging.INFO), pytest.raises(TaskDeferred):
        asked.execute(context_of(task_instance))
    said = f"marked failed: training {task_instance.xcoms['training_id']} would keep running" in caplog.text
    assert said is not learns
    assert (advice in caplog.text) is not learns


def test_it_says_nothing_of_that_where_nothing_would_be_cancelled(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compat, "TRIGGERS_LEARN_OF_KILLS", False)
    monkeypatch.setattr(DreamboothFineTuneOperator, "log", logging.getLogger("the task's log"), raising=False)
    asked = operator(served, wait_for_completion=True, deferrable=True, cancel_on_kill=False)
    with caplog.at_level(logging.INFO), pytest.raises(TaskDeferred):
        asked.execute(context_of(TaskInstance()))
    assert "marked failed" not in caplog.text


def waiting(served: Served, **changes: Any) -> tuple[MemoryStateStore, str]:
    store = MemoryStateStore()
    training_id = operator(served, **changes).execute(context_of(TaskInstance(), store))
    return store, training_id


@pytest.mark.parametrize(
    ("event", "error_class"),
    [
        (None, DreamboothError),
        ({"status": "great"}, DreamboothError),
        ({"status": "success", "training_id": "another"}, DreamboothError),
        ({"status": "error", "error": "DreamboothAuthError"}, DreamboothAuthError),
        ({"status": "failed", "reason": "CUDA"}, DreamboothTrainingFailedError),
    ],
    ids=str,
)
def test_only_a_good_event_of_its_own_training_is_a_success(
    served: Served, event: Any, error_class: type[Exception]
) -> None:
    store, training_id = waiting(served)
    told = {"training_id": training_id, "message": "words", **event} if event else event
    with pytest.raises(error_class):
        operator(served).execute_complete(context_of(TaskInstance(), store), told)


def test_a_good_event_returns_the_id_even_if_the_record_is_gone(served: Served) -> None:
    _, training_id = waiting(served)
    event = {"status": "success", "training_id": training_id, "message": "ready"}
    assert operator(served).execute_complete(context_of(TaskInstance()), event) == training_id


class Killed:
    """A task that waits on its worker when Airflow sends the signal."""

    def __init__(self, served: Served, state: str, **changes: Any) -> None:
        self.operator = operator(served, wait_for_completion=True, **changes)
        self.task_instance = TaskInstance()
        self.task_instance.state = state
        _, self.training_id = waiting(served, **changes)
        self.run = self.operator._try = self.operator._begin(context_of(self.task_instance))
        self.run.waiting_for = self.training_id
        _ = self.operator.hook.settings


def test_marked_failed_on_the_worker_cancels(served: Served) -> None:
    task = Killed(served, "failed")
    task.operator.on_kill()
    assert served.stage(task.training_id) == "training_cancelled"


@pytest.mark.parametrize("state", ["running", "success", "up_for_retry", "queued"])
def test_an_eviction_or_a_timeout_does_not(served: Served, state: str) -> None:
    task = Killed(served, state)
    task.operator.on_kill()
    assert served.stage(task.training_id) == "deploying_gpu"


def test_nor_does_a_mark_that_was_told_to_leave_it(served: Served) -> None:
    task = Killed(served, "failed", cancel_on_kill=False)
    task.operator.on_kill()
    assert served.stage(task.training_id) == "deploying_gpu"


def test_a_task_that_airflow_failed_for_want_of_heartbeats_leaves_its_training_running(
    served: Served, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DreamboothFineTuneOperator, "log", logging.getLogger("the task's log"), raising=False)
    task = Killed(served, "failed")
    task.run._stalls = StallDetector(30.0, now=time.time() - 400)
    task.operator.on_kill()
    assert served.stage(task.training_id) == "deploying_gpu"
    assert f"Training {task.training_id} is still running: this process stood still" in caplog.text


@pytest.mark.parametrize(
    ("others", "stage"),
    [({"prepare": "success"}, "training_cancelled"), ({"prepare": "failed"}, "deploying_gpu")],
    ids=str,
)
def test_a_task_that_fail_fast_failed_leaves_its_training_running(
    served: Served, others: dict[str, str], stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Killed(served, "failed")
    task.task_instance.others = others
    monkeypatch.setattr(
        DreamboothFineTuneOperator, "get_dag", lambda self: SimpleNamespace(fail_fast=True, fail_stop=True)
    )
    task.operator.on_kill()
    assert served.stage(task.training_id) == stage


def test_a_wait_that_its_own_task_cancelled_says_so(served: Served) -> None:
    """Airflow 3 lets a task that was marked failed go on for some seconds."""
    task = Killed(served, "failed")
    task.operator.on_kill()
    ended = WaitEnded("cancelled", task.training_id, "cancelled by somebody")
    with (
        pytest.raises(DreamboothTrainingFailedError, match="since the task was marked failed") as caught,
        task.operator.errors_for_airflow(),
    ):
        task.run.conclude(ended)
    assert isinstance(caught.value, AirflowFailException)


def test_a_question_that_hangs_cancels_nothing_and_holds_nothing_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_dreambooth.training import kill_order

    monkeypatch.setattr(kill_order, "ANSWER_WITHIN", 0.1)
    never = threading.Event()
    monkeypatch.setattr(compat, "task_state", lambda task_instance: never.wait(20))
    task = Killed(served, "failed")
    task.operator.on_kill()
    assert served.stage(task.training_id) == "deploying_gpu"
    never.set()


def test_the_cancel_does_not_wait_for_the_call_that_it_interrupted(served: Served) -> None:
    """The signal may come in the middle of a status call, which holds the account's only place."""
    served.connect(extra={"max_concurrent_requests": 1})
    task = Killed(served, "failed")
    limit = rate_limit_of(task.operator.hook.settings)
    limit.enter()
    try:
        done = threading.Thread(target=task.operator.on_kill, daemon=True)
        done.start()
        done.join(20)
        assert served.stage(task.training_id) == "training_cancelled"
    finally:
        limit.leave()


def test_in_the_sandbox_nothing_can_be_cancelled(served: Served) -> None:
    served.connect(extra={"environment": "sandbox"})
    task = Killed(served, "failed", base_model_id=None)
    task.operator.on_kill()
    assert served.stage(task.training_id) == "deploying_gpu"
