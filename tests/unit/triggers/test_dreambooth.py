# SPDX-License-Identifier: Apache-2.0
"""The training trigger on a real server: one event, whatever the service answers; no secret; no wrong cancel."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_dreambooth.runtime import supervisor
from airflow_provider_dreambooth.runtime.stall import StallDetector, watched_event_loop
from airflow_provider_dreambooth.training.summary import TrainingSummary
from airflow_provider_dreambooth.triggers.dreambooth import DreamboothFineTuneTrigger
from tests.unit.conftest import Served

SOON = 60.0


def trigger_for(training_id: str, **changes: Any) -> DreamboothFineTuneTrigger:
    arguments: dict[str, Any] = {
        "training_id": training_id,
        "dreambooth_conn_id": "dreambooth_default",
        "poll_interval": 0.02,
        **changes,
    }
    return DreamboothFineTuneTrigger(**arguments)


async def events_of(trigger: DreamboothFineTuneTrigger) -> list[dict[str, Any]]:
    """Run to the end, as the triggerer does."""
    async with asyncio.timeout(SOON):
        return [event.payload async for event in trigger.run()]


async def the_event(trigger: DreamboothFineTuneTrigger) -> dict[str, Any]:
    (event,) = await events_of(trigger)
    json.dumps(event)
    return event


async def test_it_ends_with_one_event_when_the_model_is_ready(served: Served) -> None:
    training_id = served.train()
    served.force(training_id, "ready")
    event = await the_event(trigger_for(training_id))
    assert (event["status"], event["training_id"]) == ("success", training_id)
    assert [stage["stage"] for stage in event["stages"]] == ["model_ready"]


async def test_it_waits_through_the_stages(served: Served) -> None:
    training_id = served.train()
    running = asyncio.create_task(the_event(trigger_for(training_id)))
    for _ in range(12):
        await asyncio.sleep(0.06)
        served.service.clock.advance(180.0)  # type: ignore[attr-defined]
    event = await running
    assert event["status"] == "success"
    assert len(event["stages"]) > 2


async def test_it_tells_the_reason_of_a_failure(served: Served) -> None:
    training_id = served.train()
    served.force(training_id, "fail", reason="Training Failed:  Valid image links less than 3")
    event = await the_event(trigger_for(training_id))
    assert event["status"] == "failed"
    assert "Valid image links less than 3" in event["reason"]
    assert event["cause_is_permanent"] is True


async def test_it_tells_a_cancel(served: Served) -> None:
    training_id = served.train()
    served.force(training_id, "cancel")
    assert (await the_event(trigger_for(training_id)))["status"] == "cancelled"


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http_500"},
        {"kind": "http_502_html"},
        {"kind": "http_503"},
        {"kind": "html_200"},
        {"kind": "empty"},
        {"kind": "not_json"},
        {"kind": "failed_try_again"},
        {"kind": "cut"},
        {"kind": "truncated"},
        {"kind": "custom", "body": {"status": "success"}},
        {"kind": "custom", "body": [1, 2]},
        {"kind": "rate_limit_429", "seconds": 0.1},
        {"kind": "rate_limit_200", "seconds": 0.1},
        {"kind": "custom", "body": {"status": "error", "message": "Who knows"}, "status": 418},
    ],
    ids=lambda fault: f"{fault['kind']}-{fault.get('body', '')}",
)
async def test_no_single_bad_answer_ends_the_wait(served: Served, fault: dict[str, Any]) -> None:
    training_id = served.train()
    served.force(training_id, "ready")
    served.fault(**fault, endpoint="status", times=2)
    assert (await the_event(trigger_for(training_id)))["status"] == "success"
    assert served.service.faults.rules[-1].applied == 2


async def test_an_answer_that_never_comes_ends_nothing(served: Served) -> None:
    served.connect(extra={"timeout": 0.3})
    training_id = served.train()
    served.force(training_id, "ready")
    served.fault("timeout", endpoint="status", times=1, seconds=3)
    assert (await the_event(trigger_for(training_id)))["status"] == "success"


async def test_a_service_that_is_not_there_ends_nothing_before_the_deadline(served: Served) -> None:
    served.connect(host="http://127.0.0.1:9")
    event = await the_event(trigger_for("T1", end_time=time.time() + 0.3))
    assert event["status"] == "timeout"


async def test_a_connection_that_cannot_be_read_ends_nothing_before_the_deadline(served: Served) -> None:
    event = await the_event(trigger_for("T1", dreambooth_conn_id="not_there", end_time=time.time() + 0.3))
    assert event["status"] == "timeout"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("invalid_key", "DreamboothAuthError"),
        ("not_found", "DreamboothNotFoundError"),
        ("no_credits", "DreamboothInsufficientCreditsError"),
    ],
)
async def test_a_permanent_fault_ends_the_wait_at_once(served: Served, kind: str, error: str) -> None:
    training_id = served.train()
    served.fault(kind, endpoint="status")
    event = await the_event(trigger_for(training_id, poll_interval=3600.0))
    assert (event["status"], event["error"]) == ("error", error)
    assert training_id in event["message"]


async def test_a_connection_without_a_key_ends_the_wait_at_once(served: Served) -> None:
    served.connect(password="")
    event = await the_event(trigger_for("T1", poll_interval=3600.0))
    assert (event["status"], event["error"]) == ("error", "DreamboothAuthError")


async def test_the_deadline_ends_a_wait_that_would_go_on(served: Served) -> None:
    event = await the_event(trigger_for(served.train(), end_time=time.time() + 0.2))
    assert event["status"] == "timeout"


async def test_nothing_is_asked_before_the_first_poll_is_due(served: Served) -> None:
    training_id = served.train()
    served.force(training_id, "ready")
    due = time.time() + 0.5
    await the_event(trigger_for(training_id, first_poll=due))
    assert time.time() >= due


def test_its_arguments_round_trip_and_hold_no_secret(served: Served) -> None:
    trigger = trigger_for("T1", end_time=5.0, first_poll=2.0, cancel_on_kill=True)
    path, arguments = trigger.serialize()
    assert path == f"{DreamboothFineTuneTrigger.__module__}.{DreamboothFineTuneTrigger.__qualname__}"
    text = json.dumps(arguments)
    assert DreamboothFineTuneTrigger(**json.loads(text)).serialize() == (path, arguments)
    assert served.key not in text
    assert {"training_id", "dreambooth_conn_id", "poll_interval", "end_time"} <= set(arguments)


async def test_the_key_is_in_no_event_and_no_log(
    served: Served, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    training_id = served.train()
    served.fault(
        "custom", endpoint="status", times=1, body={"status": "error", "message": f"bad {served.key}"}
    )
    served.fault("cut", endpoint="status", times=1)
    served.fault("invalid_key", endpoint="status")
    event = await the_event(trigger_for(training_id))
    assert served.key not in json.dumps(event)
    shown = caplog.text + "".join(capsys.readouterr())
    assert training_id in shown
    assert served.key not in shown


async def test_polls_are_not_logged(served: Served, capsys: pytest.CaptureFixture[str]) -> None:
    training_id = served.train()
    await the_event(trigger_for(training_id, end_time=time.time() + 0.6))
    assert served.service.trainings[training_id].status_polls > 2
    lines = [line for line in capsys.readouterr().out.splitlines() if training_id in line]
    assert len(lines) == 1
    assert "deploying_gpu" in lines[0]


class Supervisor:
    """The supervisor's side of a triggerer: answers questions about the task."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.state: str | None = "deferred"
        self.xcoms: dict[str, Any] = {}
        self.answers_about_xcoms = True
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        monkeypatch.setattr(supervisor, "task_state", self._task_state)
        monkeypatch.setattr(supervisor, "pull_xcom", self._pull)
        monkeypatch.setattr(supervisor, "push_xcom", self._push)
        monkeypatch.setattr(supervisor, "has_xcom", self._has)

    async def _task_state(self, task_instance: Any) -> str | None:
        await self.may_answer.wait()
        return self.state

    async def _pull(self, task_instance: Any, key: str) -> Any:
        return self.xcoms.get(key)

    async def _has(self, task_instance: Any, key: str) -> bool | None:
        return key in self.xcoms if self.answers_about_xcoms else None

    async def _push(self, task_instance: Any, key: str, value: Any) -> bool:
        self.xcoms[key] = json.loads(json.dumps(value))
        return True


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> Supervisor:
    return Supervisor(monkeypatch)


def killable(training_id: str, **changes: Any) -> DreamboothFineTuneTrigger:
    trigger = trigger_for(training_id, **{"cancel_on_kill": True, **changes})
    instance: Any = SimpleNamespace(dag_id="d", run_id="r", task_id="t", map_index=-1)
    trigger.task_instance = instance
    return trigger


async def test_mark_failed_cancels_the_training(served: Served, airflow: Supervisor) -> None:
    training_id = served.train()
    airflow.state, airflow.xcoms["training_id"] = "failed", training_id
    await killable(training_id).on_kill()
    assert served.stage(training_id) == "training_cancelled"


@pytest.mark.parametrize("state", [None, "deferred", "running", "success", "scheduled", "up_for_retry"])
async def test_no_other_kill_cancels_it(served: Served, airflow: Supervisor, state: str | None) -> None:
    training_id = served.train()
    airflow.state, airflow.xcoms["training_id"] = state, training_id
    await killable(training_id).on_kill()
    assert served.stage(training_id) == "deploying_gpu"


async def test_a_value_that_only_an_xcom_backend_can_read_does_not_hold_the_cancel_back(
    served: Served, airflow: Supervisor
) -> None:
    training_id = served.train()
    airflow.state, airflow.xcoms["training_id"] = "failed", "s3://bucket/reference"
    await killable(training_id).on_kill()
    assert served.stage(training_id) == "training_cancelled"


@pytest.mark.parametrize("known", [True, False])
async def test_a_failed_new_try_does_not_cancel_the_training_of_the_one_before(
    served: Served, airflow: Supervisor, known: bool
) -> None:
    training_id = served.train()
    airflow.state, airflow.answers_about_xcoms = "failed", known
    if not known:
        airflow.xcoms["training_id"] = training_id
    await killable(training_id).on_kill()
    assert served.stage(training_id) == "deploying_gpu"


async def test_a_triggerer_that_stalled_cancels_nothing(served: Served, airflow: Supervisor) -> None:
    training_id = served.train()
    airflow.state, airflow.xcoms["training_id"] = "failed", training_id
    trigger = killable(training_id)
    trigger._stalls = StallDetector(15.0, now=time.time() - 60)
    await trigger.on_kill()
    assert served.stage(training_id) == "deploying_gpu"


async def test_a_waiting_trigger_watches_its_event_loop(served: Served, airflow: Supervisor) -> None:
    trigger = killable(served.train(), end_time=time.time() + 0.1)
    await the_event(trigger)
    assert trigger._stalls is watched_event_loop()


async def test_a_training_that_has_ended_is_left_alone(served: Served, airflow: Supervisor) -> None:
    training_id = served.train()
    served.force(training_id, "ready")
    airflow.state, airflow.xcoms["training_id"] = "failed", training_id
    await killable(training_id).on_kill()
    assert served.stage(training_id) == "model_ready"


@pytest.mark.parametrize(
    "changes", [{"cancel_on_kill": False}, {"end_time": 1.0}], ids=["not asked for", "after the deadline"]
)
async def test_policies_hold_the_cancel_back(
    served: Served, airflow: Supervisor, changes: dict[str, Any]
) -> None:
    training_id = served.train()
    airflow.state, airflow.xcoms["training_id"] = "failed", training_id
    await killable(training_id, **changes).on_kill()
    assert served.stage(training_id) == "deploying_gpu"


async def test_without_a_task_instance_nothing_is_cancelled(served: Served, airflow: Supervisor) -> None:
    training_id = served.train()
    airflow.state, airflow.xcoms["training_id"] = "failed", training_id
    await trigger_for(training_id, cancel_on_kill=True).on_kill()
    assert served.stage(training_id) == "deploying_gpu"


async def test_the_cancel_goes_on_when_airflow_cancels_on_kill(served: Served, airflow: Supervisor) -> None:
    """Airflow does so a second after it has called it."""
    training_id = served.train()
    airflow.state, airflow.xcoms["training_id"] = "failed", training_id
    airflow.may_answer.clear()
    killing = asyncio.create_task(killable(training_id).on_kill())
    for _ in range(3):
        await asyncio.sleep(0)
        killing.cancel()
    airflow.may_answer.set()
    await asyncio.wait({killing}, timeout=SOON)
    assert served.stage(training_id) == "training_cancelled"


async def test_in_the_sandbox_the_log_says_that_it_runs_on(served: Served, airflow: Supervisor) -> None:
    served.connect(extra={"environment": "sandbox"})
    training_id = served.train()
    airflow.state, airflow.xcoms["training_id"] = "failed", training_id
    await killable(training_id).on_kill()
    assert served.stage(training_id) == "deploying_gpu"


async def test_a_cancel_is_repeated_after_a_passing_fault(served: Served, airflow: Supervisor) -> None:
    training_id = served.train()
    airflow.state, airflow.xcoms["training_id"] = "failed", training_id
    served.fault("http_503", endpoint="cancel_training", times=1)
    await killable(training_id).on_kill()
    assert served.stage(training_id) == "training_cancelled"


async def test_a_restarted_trigger_goes_on_where_it_was(served: Served, airflow: Supervisor) -> None:
    training_id = served.train()
    airflow.xcoms["training"] = TrainingSummary(training_id, instance_prompt="photo of zwx fox").to_json()
    served.force(training_id, "freeze", stage="training_started")
    served.service.clock.advance(900.0)  # type: ignore[attr-defined]
    await the_event(killable(training_id, end_time=time.time() + 0.3))
    shown = airflow.xcoms["training"]
    assert shown["instance_prompt"] == "photo of zwx fox"
    assert [stage["stage"] for stage in shown["stages"]] == ["training_started"]
    served.force(training_id, "thaw")
    served.force(training_id, "ready")
    event = await the_event(killable(training_id))
    assert [stage["stage"] for stage in event["stages"]] == ["training_started", "model_ready"]


@pytest.mark.parametrize("xcom", [None, "a reference of a backend", {"training_id": "another"}])
async def test_what_cannot_be_read_or_is_about_another_training_is_not_overwritten(
    served: Served, airflow: Supervisor, xcom: Any
) -> None:
    training_id = served.train()
    airflow.xcoms["training"] = xcom
    await the_event(killable(training_id, end_time=time.time() + 0.2))
    assert airflow.xcoms["training"] == xcom


def test_a_trigger_of_an_earlier_version_is_still_read() -> None:
    state = {"training_id": "T1", "since": 1.0, "stages": [["deploying_gpu", 1.0]], "pace": {}}
    assert trigger_for("T1", first_look=2.0, state=state).training_id == "T1"


async def test_a_killed_trigger_leaves_no_client_behind(served: Served) -> None:
    from airflow_provider_dreambooth.transport import asynchronous

    training_id = served.train()
    waiting = asyncio.create_task(the_event(trigger_for(training_id)))
    await asyncio.sleep(0.3)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not asynchronous._shared.get(asyncio.get_running_loop())
