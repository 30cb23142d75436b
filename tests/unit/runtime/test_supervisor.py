# SPDX-License-Identifier: Apache-2.0
"""The private messages to the supervisor, held against the installed Airflow: a change of Airflow's is noticed here."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.runtime import compat, supervisor

if not compat.TRIGGERS_LEARN_OF_KILLS:  # pragma: no cover
    pytest.skip("only Airflow 3.3 and later calls a trigger's on_kill", allow_module_level=True)

from airflow.jobs.triggerer_job_runner import TriggerRunnerSupervisor
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import (
    ErrorResponse,
    GetTaskStates,
    GetXCom,
    SetXCom,
    TaskStatesResult,
    XComResult,
)

SINGLE = SimpleNamespace(dag_id="portraits", run_id="manual__1", task_id="train", map_index=-1)
MAPPED = SimpleNamespace(dag_id="portraits", run_id="manual__1", task_id="train", map_index=3)


class Comms:
    """The channel of a trigger; what is sent must be something that a triggerer's supervisor takes."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.sent: list[Any] = []

    async def asend(self, message: Any) -> Any:
        TriggerRunnerSupervisor.decoder.validate_python(message.model_dump())
        self.sent.append(message)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Any:
    def make(answer: Any) -> Comms:
        comms = Comms(answer)
        monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", comms, raising=False)
        return comms

    return make


def test_airflow_has_the_channel_that_triggers_speak_over() -> None:
    from airflow.jobs.triggerer_job_runner import TriggerCommsDecoder

    assert callable(TriggerCommsDecoder.asend)


@pytest.mark.parametrize(
    ("instance", "name", "index"), [(SINGLE, "train", None), (MAPPED, "train_3", 3)], ids=["single", "mapped"]
)
async def test_a_tasks_state_is_asked_for(
    answering: Any, instance: Any, name: str, index: int | None
) -> None:
    comms = answering(TaskStatesResult(task_states={"manual__1": {name: "failed"}}))
    assert await supervisor.task_state(instance) == "failed"
    (message,) = comms.sent
    assert isinstance(message, GetTaskStates)
    assert (message.dag_id, message.task_ids, message.run_ids) == ("portraits", ["train"], ["manual__1"])
    assert message.map_index == index


async def test_a_state_that_is_an_enumeration_is_its_word(answering: Any) -> None:
    from airflow.sdk import TaskInstanceState

    answering(SimpleNamespace(task_states={"manual__1": {"train": TaskInstanceState.FAILED}}))
    assert await supervisor.task_state(SINGLE) == "failed"


@pytest.mark.parametrize(
    "answer",
    [
        ErrorResponse(),
        None,
        TaskStatesResult(task_states={}),
        TaskStatesResult(task_states={"manual__1": {"another": "failed"}}),
        TaskStatesResult(task_states={"manual__1": {"train": None}}),
        RuntimeError("the supervisor is gone"),
    ],
    ids=repr,
)
async def test_a_question_without_an_answer_has_none(answering: Any, answer: Any) -> None:
    answering(answer)
    assert await supervisor.task_state(SINGLE) is None
    assert await supervisor.pull_xcom(SINGLE, "training_id") is None


@pytest.mark.parametrize("value", ["T1", {"training_id": "T1", "stages": [["deploying_gpu", 1.5]]}, []])
async def test_an_xcom_that_was_pushed_can_be_pulled(answering: Any, value: Any) -> None:
    comms = answering(None)
    assert await supervisor.push_xcom(MAPPED, "progress", value)
    (pushed,) = comms.sent
    assert isinstance(pushed, SetXCom)
    assert (pushed.key, pushed.task_id, pushed.map_index) == ("progress", "train", 3)
    comms = answering(XComResult(key="progress", value=pushed.value))
    assert await supervisor.pull_xcom(MAPPED, "progress") == value
    (pulled,) = comms.sent
    assert isinstance(pulled, GetXCom)
    assert (pulled.dag_id, pulled.run_id, pulled.map_index) == ("portraits", "manual__1", 3)


class Bucket(BaseXCom):
    """A custom XCom backend: the database holds a reference alone."""

    kept: ClassVar[dict[str, Any]] = {}

    @staticmethod
    def serialize_value(value: Any, *, key: str | None = None, **place: Any) -> Any:
        assert place["task_id"] == "train"
        assert threading.current_thread() is not threading.main_thread()
        Bucket.kept[f"bucket://{key}"] = value
        return f"bucket://{key}"

    @staticmethod
    def deserialize_value(result: Any) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        return Bucket.kept[result.value]


async def test_an_xcom_goes_through_a_custom_backend_beside_the_event_loop(
    answering: Any, mocker: MockerFixture
) -> None:
    mocker.patch("airflow.sdk.execution_time.xcom.XCom", Bucket)
    comms = answering(None)
    assert await supervisor.push_xcom(SINGLE, "training", {"state": "running"})
    assert comms.sent[0].value == "bucket://training"
    answering(XComResult(key="training", value="bucket://training"))
    assert await supervisor.pull_xcom(SINGLE, "training") == {"state": "running"}


@pytest.mark.parametrize(
    ("answer", "there"),
    [
        (XComResult(key="training_id", value="s3://bucket/reference"), True),
        (XComResult(key="training_id", value=None), False),
        (ErrorResponse(), None),
        (RuntimeError("gone"), None),
        (None, None),
    ],
    ids=repr,
)
async def test_whether_an_xcom_is_there_does_not_depend_on_its_value(
    answering: Any, answer: Any, there: bool | None
) -> None:
    comms = answering(answer)
    assert await supervisor.has_xcom(SINGLE, "training_id") is there
    assert isinstance(comms.sent[0], GetXCom)


async def test_an_xcom_that_is_not_there_is_nothing(answering: Any) -> None:
    answering(XComResult(key="progress", value=None))
    assert await supervisor.pull_xcom(SINGLE, "progress") is None


@pytest.mark.parametrize("answer", [ErrorResponse(), RuntimeError("gone")], ids=repr)
async def test_an_xcom_that_cannot_be_pushed_ends_nothing(answering: Any, answer: Any) -> None:
    answering(answer)
    assert not await supervisor.push_xcom(SINGLE, "progress", {})


async def test_a_variable_is_written_in_a_form_that_the_triggerer_takes(answering: Any) -> None:
    comms = answering(None)
    assert await supervisor.put_variable("dreambooth_stopped.1", "stopped", "what it is for")
    (sent,) = comms.sent
    assert (sent.key, sent.value, sent.description) == ("dreambooth_stopped.1", "stopped", "what it is for")


@pytest.mark.parametrize("answer", [ErrorResponse(), RuntimeError("gone")], ids=repr)
async def test_a_variable_that_cannot_be_written_ends_nothing(answering: Any, answer: Any) -> None:
    answering(answer)
    assert not await supervisor.put_variable("dreambooth_stopped.1", "stopped", "what it is for")


async def test_without_a_supervisor_nothing_breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(task_runner, "SUPERVISOR_COMMS", raising=False)
    assert await supervisor.task_state(SINGLE) is None
    assert await supervisor.pull_xcom(SINGLE, "x") is None
    assert not await supervisor.push_xcom(SINGLE, "x", 1)


async def test_a_cancelled_trigger_does_not_leave_an_answer_unread(answering: Any) -> None:
    """Airflow's channel does not survive that: all triggers of the process would wait for their answers."""
    comms = answering(XComResult(key="training", value=None))
    asked, may_answer, read = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def asend(message: Any) -> Any:
        asked.set()
        await may_answer.wait()
        read.set()
        return comms.answer

    comms.asend = asend
    pulling = asyncio.create_task(supervisor.pull_xcom(SINGLE, "training"))
    await asked.wait()
    pulling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulling
    may_answer.set()
    await asyncio.wait_for(read.wait(), 5)
