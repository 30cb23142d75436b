# SPDX-License-Identifier: Apache-2.0
"""The operator of the v6 trainer on a real server: the promises of a fine-tuning, in the trainer's own words."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, TaskDeferred
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.exceptions import (
    DreamboothLostSubmissionError,
    DreamboothTrainingFailedError,
    DreamboothTrainingTimeoutError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.operators import training as module
from airflow_provider_dreambooth.operators.fine_tune import DreamboothFineTuneOperator
from airflow_provider_dreambooth.operators.models import DreamboothCancelTrainingOperator
from airflow_provider_dreambooth.operators.trainer import DreamboothTrainerOperator, owner_of
from airflow_provider_dreambooth.runtime import supervisor
from airflow_provider_dreambooth.training import kill_order, trainer_run
from airflow_provider_dreambooth.training.cancellation import Cancellation, Fate
from airflow_provider_dreambooth.training.record import RECORD_KEY
from airflow_provider_dreambooth.training.stop_note import PREFIX
from airflow_provider_dreambooth.triggers.dreambooth import DreamboothFineTuneTrigger
from tests.unit.conftest import Served
from tests.unit.task_surroundings import MemoryStateStore, MemoryVariables, TaskInstance, context_of

TOKEN = "hf_SecretOfAnotherService"


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> MemoryVariables:
    values = MemoryVariables()
    monkeypatch.setattr("airflow_provider_dreambooth.runtime.variables.accessor", lambda: values)
    return values


@pytest.fixture(autouse=True)
def task_log(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    log = logging.getLogger("the task's log")
    for operator_class in (DreamboothTrainerOperator, DreamboothFineTuneOperator):
        monkeypatch.setattr(operator_class, "log", log, raising=False)
    with caplog.at_level(logging.DEBUG):
        yield


@pytest.fixture
def fast(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pause of the task is some minutes at the service."""

    class Time:
        time = staticmethod(time.time)

        @staticmethod
        def sleep(seconds: float) -> None:
            served.service.clock.advance(400.0)  # type: ignore[attr-defined]

    monkeypatch.setattr(module, "time", Time)


def trainer(served: Served, **changes: Any) -> DreamboothTrainerOperator:
    arguments: dict[str, Any] = {
        "trainer_id": "flux_lora_trainer",
        "images": [f"{served.url}/samples/fox/{number}.png" for number in range(1, 9)],
        "parameters": {"trigger_word": "zwxfox", "training_steps": 1000},
        "poll_interval": 0.05,
        **changes,
    }
    return DreamboothTrainerOperator(task_id="train", **arguments)


def paid(served: Served) -> list[str]:
    from airflow_provider_dreambooth.emulator.service import fingerprint

    return [
        training_id
        for training_id, training in served.service.trainings.items()
        if training.account == fingerprint(served.key)
    ]


def run(operator: Any, store: MemoryStateStore, instance: TaskInstance | None = None) -> Any:
    return operator.execute(context_of(instance or TaskInstance(), store))


def test_it_starts_one_and_pushes_its_id_first(served: Served) -> None:
    instance, store = TaskInstance(), MemoryStateStore()
    training_id = run(trainer(served), store, instance)
    assert paid(served) == [training_id]
    assert instance.pushed[0] == "training_id"
    record = store.get(RECORD_KEY)
    assert (record["training_id"], record["training_api"]) == (training_id, "v6")
    body = served.service.trainings[training_id].body
    assert body["trigger_word"] == "zwxfox"
    assert body["training_steps"] == 1000
    assert body["training_id"] == body["track_id"] == record["sent_as"]
    assert record["sent_as"].startswith(owner_of(instance))


@pytest.mark.usefixtures("fast")
def test_it_waits_until_the_inference_is_ready_and_pushes_the_request_that_renders(served: Served) -> None:
    instance, store = TaskInstance(), MemoryStateStore()
    training_id = run(trainer(served, wait_for_completion=True), store, instance)
    assert store.get(RECORD_KEY)["ending"] == "ready"
    assert instance.xcoms["inference"]["lora_model"] == training_id
    assert instance.xcoms["inference"]["model_id"] == "flux"
    summary = instance.xcoms["training"]
    assert (summary["state"], summary["method"], summary["instance_prompt"]) == (
        "ready",
        "trainer_v6",
        "zwxfox",
    )
    assert summary["parameters"]["trainer_id"] == "flux_lora_trainer"
    stages = [stage["stage"] for stage in summary["stages"]]
    assert stages == ["training_started", "training_completed"]


async def test_deferred_it_is_polled_and_ends_as_well(served: Served) -> None:
    instance, store = TaskInstance(), MemoryStateStore()
    with pytest.raises(TaskDeferred) as caught:
        run(trainer(served, wait_for_completion=True, deferrable=True), store, instance)
    path, arguments = caught.value.trigger.serialize()
    assert path.endswith("DreamboothFineTuneTrigger")
    assert arguments["training_api"] == "v6"
    (training_id,) = paid(served)
    served.force(training_id, "ready")
    trigger = DreamboothFineTuneTrigger(**{**arguments, "first_poll": None})
    (event,) = [event.payload async for event in trigger.run()]
    assert event["status"] == "success"
    assert trainer(served).execute_complete(context_of(instance, store), event) == training_id
    assert instance.xcoms["inference"]["lora_model"] == training_id


@pytest.mark.usefixtures("fast")
def test_cancelled_is_the_trainers_word_for_a_failure_and_a_retry_pays_for_a_new_one(served: Served) -> None:
    instance, store = TaskInstance(), MemoryStateStore()
    first = run(trainer(served), store, instance)
    served.force(first, "fail", reason="CUDA out of memory")
    store.set(RECORD_KEY, {**store.get(RECORD_KEY), "ending": None})
    second = run(trainer(served, wait_for_completion=True), store, instance)
    assert paid(served) == [first, second]


def test_a_failure_while_it_waits_tells_the_reason(served: Served) -> None:
    instance, store = TaskInstance(), MemoryStateStore()
    training_id = run(trainer(served), store, instance)
    served.force(training_id, "fail", reason="CUDA out of memory")
    waiting = trainer(served, wait_for_completion=True)
    from airflow_provider_dreambooth.training.polling import Polling, poll
    from airflow_provider_dreambooth.training.summary import TrainingSummary

    ended = poll(
        waiting.hook, Polling(TrainingSummary(training_id), now=time.time()), log=waiting.log, now=time.time()
    ).ended
    assert ended is not None
    with pytest.raises(DreamboothTrainingFailedError, match="CUDA out of memory"):
        waiting.execute_complete(context_of(instance, store), ended.to_payload())
    assert store.get(RECORD_KEY)["ending"] == "failed"


def test_a_retry_re_attaches_and_pays_nothing(served: Served) -> None:
    store = MemoryStateStore()
    first = run(trainer(served), store)
    assert run(trainer(served), store) == first
    assert len(paid(served)) == 1


def test_a_clear_reuses_and_retrain_replaces(served: Served) -> None:
    instance, store = TaskInstance(), MemoryStateStore()
    first = run(trainer(served), store, instance)
    instance.max_tries += 3
    assert run(trainer(served), store, instance) == first
    instance.max_tries += 3
    second = run(trainer(served, on_clear="retrain"), store, instance)
    assert paid(served) == [first, second]
    assert served.stage(first) == "training_cancelled"


def test_changed_inputs_replace_and_the_earlier_one_is_stopped_after_the_new_one_is_accepted(
    served: Served,
) -> None:
    store = MemoryStateStore()
    first = run(trainer(served), store)
    second = run(trainer(served, parameters={"trigger_word": "zwxfox", "training_steps": 2000}), store)
    assert paid(served) == [first, second]
    assert (served.stage(first), served.stage(second)) == ("training_cancelled", "training_started")


def test_a_task_that_was_a_fine_tuning_before_cancels_that_one_where_it_is(served: Served) -> None:
    store = MemoryStateStore()
    lora = DreamboothFineTuneOperator(
        task_id="train",
        method="lora",
        instance_prompt="photo of zwx fox",
        class_prompt="photo of fox",
        images=[f"{served.url}/samples/fox/{number}.png" for number in range(1, 9)],
        max_train_steps=18,
    )
    first = run(lora, store)
    second = run(trainer(served), store)
    assert paid(served) == [first, second]
    assert served.stage(first) == "training_cancelled"
    assert store.get(RECORD_KEY)["training_api"] == "v6"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "custom", "body": {"status": "success", "message": "training_started"}},
        {"kind": "custom", "body": {"status": "success", "training_id": None}},
        {"kind": "http_502_html"},
    ],
    ids=str,
)
def test_a_lost_answer_is_settled_by_nobody_and_the_error_says_what_to_look_for(
    served: Served, fault: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook

    monkeypatch.setattr(DreamboothHook, "list_models", lambda self: pytest.fail("there is no such list"))
    store = MemoryStateStore()
    served.fault(**fault, endpoint="trainer_train", times=1)
    with pytest.raises(DreamboothLostSubmissionError) as caught:
        run(trainer(served), store)
    assert isinstance(caught.value, AirflowFailException)
    record = store.get(RECORD_KEY)
    assert record["training_id"] is None
    assert record["sent_as"] in str(caught.value)
    assert "has no list" in str(caught.value)
    # The next try asks nobody either.
    with pytest.raises(DreamboothLostSubmissionError):
        run(trainer(served), store)


def test_resubmit_pays_for_a_new_one(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    class Time:
        time = staticmethod(time.time)
        sleep = staticmethod(lambda seconds: None)

    monkeypatch.setattr(module, "time", Time)
    served.fault("custom", body={"status": "success"}, endpoint="trainer_train", times=1)
    store = MemoryStateStore()
    training_id = run(trainer(served, on_lost_submission="resubmit"), store)
    assert store.get(RECORD_KEY)["training_id"] == training_id


def killed(served: Served, store: MemoryStateStore, state: str = "failed") -> DreamboothTrainerOperator:
    """A task that waits on its worker when Airflow sends the signal."""
    instance = TaskInstance()
    instance.state = state
    operator = trainer(served, wait_for_completion=True)
    operator._try = operator._begin(context_of(instance, store))
    operator._try.waiting_for = store.get(RECORD_KEY)["training_id"]
    _ = operator.hook.settings
    operator.on_kill()
    return operator


def test_marked_failed_stops_it_and_a_clear_pays_although_the_service_calls_it_completed(
    served: Served,
) -> None:
    instance, store = TaskInstance(), MemoryStateStore()
    first = run(trainer(served), store, instance)
    killed(served, store)
    assert served.stage(first) == "training_cancelled"
    assert store.get(RECORD_KEY)["ending"] == "cancelled"
    instance.max_tries += 3
    second = run(trainer(served), store, instance)
    assert paid(served) == [first, second]


def test_a_stop_that_could_not_be_recorded_is_said_in_the_log(
    served: Served, caplog: pytest.LogCaptureFixture, mocker: MockerFixture
) -> None:
    store = MemoryStateStore()
    first = run(trainer(served), store)
    mocker.patch.object(store, "set", side_effect=RuntimeError("no answer"))
    killed(served, store)
    assert served.stage(first) == "training_cancelled"
    assert f"It could not be recorded that training {first} was stopped (Dreambooth" in caplog.text


def test_a_stop_that_is_not_recorded_in_time_is_said_in_the_log(
    served: Served, caplog: pytest.LogCaptureFixture, mocker: MockerFixture
) -> None:
    store, answered = MemoryStateStore(), threading.Event()
    first = run(trainer(served), store)
    mocker.patch.object(trainer_run, "NOTED_WITHIN", 0.01)
    mocker.patch.object(store, "set", side_effect=lambda *_, **__: answered.wait(30))
    killed(served, store)
    answered.set()
    assert f"It could not be recorded that training {first} was stopped in time" in caplog.text


def test_a_stop_is_not_recorded_of_a_training_that_another_try_has_begun(
    served: Served, mocker: MockerFixture
) -> None:
    store = MemoryStateStore()
    run(trainer(served), store)
    other = {**store.get(RECORD_KEY), "training_id": "another"}

    def cancelled(*_: Any) -> Cancellation:
        store.set(RECORD_KEY, other)
        return Cancellation(Fate.CANCELLED, "cancelled")

    mocker.patch.object(kill_order, "cancel_if_marked_failed", cancelled)
    killed(served, store)
    assert store.get(RECORD_KEY) == other


def trigger_of(training_id: str) -> DreamboothFineTuneTrigger:
    trigger = DreamboothFineTuneTrigger(
        training_id=training_id,
        dreambooth_conn_id="dreambooth_default",
        cancel_on_kill=True,
        training_api="v6",
    )
    trigger.task_instance = SimpleNamespace(task_id="train", trigger_timeout=None)  # type: ignore[assignment]
    return trigger


async def test_a_note_that_a_trigger_could_not_leave_is_said_in_the_log(
    served: Served, caplog: pytest.LogCaptureFixture, mocker: MockerFixture
) -> None:
    training_id = run(trainer(served), MemoryStateStore())
    mocker.patch.object(supervisor, "put_variable", return_value=False)
    mocker.patch.object(supervisor, "task_state", return_value="failed")
    mocker.patch.object(supervisor, "has_xcom", return_value=True)
    trigger = trigger_of(training_id)
    trigger._log = logging.getLogger("of.the.trigger")  # type: ignore[assignment]
    await trigger.on_kill()
    assert served.stage(training_id) == "training_cancelled"
    assert f"It could not be recorded that training {training_id} was stopped" in caplog.text


@pytest.mark.parametrize(
    ("state", "stage"), [("failed", "training_cancelled"), ("success", "training_started")]
)
async def test_a_deferred_task_that_a_person_marked_failed_stops_it_and_a_clear_pays(
    served: Served, state: str, stage: str, mocker: MockerFixture, variables: MemoryVariables
) -> None:
    instance, store = TaskInstance(), MemoryStateStore()
    training_id = run(trainer(served), store, instance)

    async def put(key: str, value: str, description: str) -> bool:
        variables.set(key, value, description)
        return True

    mocker.patch.object(supervisor, "put_variable", put)
    mocker.patch.object(supervisor, "task_state", return_value=state)
    mocker.patch.object(supervisor, "has_xcom", return_value=True)
    trigger = trigger_of(training_id)
    await trigger.on_kill()
    assert served.stage(training_id) == stage
    instance.max_tries += 3
    again = run(trainer(served), store, instance)
    assert (again == training_id) is (state == "success")
    assert not [key for key in variables.values if key.startswith(PREFIX)]


def test_an_eviction_stops_nothing(served: Served) -> None:
    store = MemoryStateStore()
    first = run(trainer(served), store)
    killed(served, store, state="running")
    assert served.stage(first) == "training_started"
    assert store.get(RECORD_KEY)["ending"] is None


@pytest.mark.usefixtures("fast")
def test_one_that_was_stopped_at_the_service_counts_as_cancelled_after_a_while(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow_provider_dreambooth.training import polling

    instance, store = TaskInstance(), MemoryStateStore()
    training_id = run(trainer(served), store, instance)
    served.force(training_id, "cancel")
    monkeypatch.setattr(polling, "STOPPED_AFTER", 0.0)
    with pytest.raises(DreamboothTrainingFailedError, match="so ends a training that was stopped") as caught:
        run(trainer(served, wait_for_completion=True), store, instance)
    assert isinstance(caught.value, AirflowFailException)
    assert store.get(RECORD_KEY)["ending"] == "cancelled_externally"


@pytest.mark.parametrize(("stops", "stage"), [(False, "training_started"), (True, "training_cancelled")])
def test_a_timeout_leaves_it_running_unless_told_to_stop_it(served: Served, stops: bool, stage: str) -> None:
    instance, store = TaskInstance(), MemoryStateStore()
    training_id = run(trainer(served), store, instance)
    event = {"status": "timeout", "training_id": training_id, "message": "over"}
    with pytest.raises(DreamboothTrainingTimeoutError):
        trainer(served, cancel_on_timeout=stops).execute_complete(context_of(instance, store), event)
    assert served.stage(training_id) == stage
    again = run(trainer(served), store, instance)
    assert (again == training_id) is not stops


def test_the_cancel_operator_stops_it_where_it_is(served: Served) -> None:
    training_id = run(trainer(served), MemoryStateStore())
    cancel = DreamboothCancelTrainingOperator(task_id="stop", training_id=training_id, training_api="v6")
    cancel.execute(context_of(TaskInstance("stop")))
    assert served.stage(training_id) == "training_cancelled"
    # One that is completed is no error.
    cancel.execute(context_of(TaskInstance("stop")))


@pytest.mark.parametrize(
    "wrong", [{"timeout": 0}, {"on_clear": "redo"}, {"parameters": {"hf_token": TOKEN}}], ids=str
)
def test_what_no_template_can_change_is_an_error_of_the_dag(served: Served, wrong: dict[str, Any]) -> None:
    with pytest.raises(DreamboothValidationError, match=next(iter(wrong))) as caught:
        trainer(served, **wrong)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [{"trainer_id": ""}, {"images": []}, {"parameters": {"training_id": "mine"}}],
    ids=str,
)
def test_bad_input_is_refused_before_money_is_spent(served: Served, wrong: dict[str, Any]) -> None:
    store = MemoryStateStore()
    with pytest.raises(DreamboothValidationError, match=next(iter(wrong))):
        run(trainer(served, **wrong), store)
    assert paid(served) == []
    assert RECORD_KEY not in store.entries


def test_the_sandbox_has_no_trainer(served: Served) -> None:
    served.connect(extra={"environment": "sandbox"})
    with pytest.raises(DreamboothValidationError, match="environment to production"):
        run(trainer(served), MemoryStateStore())
    assert paid(served) == []


def test_validate_only_pays_nothing_and_says_that_it_is_billed_by_the_hour(served: Served) -> None:
    with pytest.raises(AirflowSkipException, match="by the hour"):
        run(trainer(served, validate_only=True), MemoryStateStore())
    assert paid(served) == []


def test_the_connections_two_secrets_are_shown_nowhere(
    served: Served, caplog: pytest.LogCaptureFixture, variables: MemoryVariables
) -> None:
    served.connect(extra={"environment": "production", "hf_token": TOKEN})
    instance, store = TaskInstance(), MemoryStateStore()
    operator = trainer(served)
    run(operator, store, instance)
    shown = [caplog.text, json.dumps(instance.xcoms), str(store.entries), str(variables.values)]
    shown += [
        repr(operator.hook.settings),
        repr(vars(operator)),
        repr(operator._request(context_of(instance))),
    ]
    for text in shown:
        assert TOKEN not in text
        assert served.key not in text


def test_a_service_that_echoes_the_token_shows_it_nowhere(served: Served) -> None:
    served.connect(extra={"environment": "production", "hf_token": TOKEN})
    body = {"status": "error", "message": f"the token {TOKEN} is invalid"}
    served.fault("custom", body=body, endpoint="trainer_train", times=9)
    with pytest.raises(
        (DreamboothValidationError, DreamboothTransientError, DreamboothLostSubmissionError)
    ) as caught:
        run(trainer(served), MemoryStateStore())
    assert TOKEN not in str(caught.value)
    assert "***" in str(caught.value)


def test_what_was_trained_renders_with_the_request_that_it_answered(served: Served) -> None:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook

    instance, store = TaskInstance(), MemoryStateStore()
    training_id = run(trainer(served), store, instance)
    served.force(training_id, "ready")
    event = {"status": "success", "training_id": training_id, "message": "ready"}
    trainer(served).execute_complete(context_of(instance, store), event)
    told = instance.xcoms["inference"]
    rendered = DreamboothHook().text_to_image(
        model_id=told["model_id"], lora_model=told["lora_model"], prompt=told["prompt"]
    )
    assert requests.get(rendered.urls[0], timeout=30).content.startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["portraits", "Ünïcode & spaces/../", "x" * 250, "…"])
def test_the_name_of_a_task_is_short_and_plain(name: str) -> None:
    instance = TaskInstance()
    instance.dag_id = name
    owner = owner_of(instance)
    assert len(owner) <= 64
    assert owner.replace("-", "").isascii()
    assert owner.replace("-", "").isalnum()
    other = TaskInstance(map_index=1)
    other.dag_id = name
    assert owner_of(other) != owner
