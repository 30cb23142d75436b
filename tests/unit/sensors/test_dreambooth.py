# SPDX-License-Identifier: Apache-2.0
"""The sensor in its three modes, on a real server: it watches, keeps Airflow's arguments' meaning, and cancels nothing."""

from __future__ import annotations

import importlib
import time
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    TaskDeferred,
)

from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothTrainingFailedError,
    DreamboothTrainingTimeoutError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.sensors import dreambooth as module
from airflow_provider_dreambooth.sensors.dreambooth import DreamboothFineTuneSensor
from airflow_provider_dreambooth.training.event import WaitEnded
from airflow_provider_dreambooth.transport import exchange
from airflow_provider_dreambooth.transport.retry import ONCE
from tests.airflow_version import AIRFLOW
from tests.unit.conftest import Served
from tests.unit.task_surroundings import MemoryStateStore, TaskInstance, context_of


def sensor(training_id: str, **changes: Any) -> DreamboothFineTuneSensor:
    return DreamboothFineTuneSensor(task_id="wait", training_id=training_id, **changes)


class Clock:
    """Stands in for the module ``time`` of the sensor and of Airflow's base sensor."""

    def __init__(self, served: Served, on_sleep: Any = None) -> None:
        self.now = 1_800_000_000.0
        self.slept: list[float] = []
        self.on_sleep = on_sleep

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        if self.on_sleep:
            self.on_sleep(len(self.slept))


@pytest.fixture
def clock(served: Served, monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(served)
    monkeypatch.setattr(module, "time", made)
    base = importlib.import_module(
        "airflow.sdk.bases.sensor" if AIRFLOW.major >= 3 else "airflow.sensors.base"
    )
    monkeypatch.setattr(base, "time", made)
    if AIRFLOW.major < 3:
        # When the first try began: Airflow 2 asks the metadata database.
        monkeypatch.setattr(base, "_orig_start_date", lambda **_: None)
    return made


def end(status: str, training_id: str = "T1", **details: Any) -> dict[str, Any]:
    return WaitEnded(status, training_id, "words", **details).to_payload()


def test_poke_returns_the_model_id_when_it_is_ready(served: Served, clock: Clock) -> None:
    training_id = served.train()
    clock.on_sleep = lambda count: served.force(training_id, "ready") if count == 3 else None
    task_instance = TaskInstance()
    assert sensor(training_id).execute(context_of(task_instance)) == training_id
    assert len(clock.slept) == 3
    assert task_instance.xcoms["training"]["state"] == "ready"


@pytest.mark.parametrize(
    ("arguments", "interval"),
    [
        ({"poll_interval": 7}, 7.0),
        ({"poke_interval": 11}, 11.0),
        ({"poll_interval": 7, "poke_interval": 11}, 7.0),
    ],
)
def test_a_given_interval_is_kept(
    served: Served, clock: Clock, arguments: dict[str, Any], interval: float
) -> None:
    training_id = served.train()
    clock.on_sleep = lambda count: served.force(training_id, "ready") if count == 3 else None
    sensor(training_id, **arguments).execute(context_of(TaskInstance()))
    assert clock.slept == [interval] * 3


def test_without_an_interval_the_services_eta_sets_the_pace(served: Served, clock: Clock) -> None:
    training_id = served.train()
    clock.on_sleep = lambda count: served.force(training_id, "ready") if count == 2 else None
    sensor(training_id).execute(context_of(TaskInstance()))
    assert all(seconds >= 30.0 for seconds in clock.slept)
    assert clock.slept != [60.0, 60.0]


def test_a_poke_interval_out_of_default_args_counts(served: Served) -> None:
    made = sensor("T1", default_args={"poke_interval": 11})
    assert not made.follows_eta
    assert sensor("T1").follows_eta


@pytest.mark.parametrize("kind", ["http_502_html", "empty", "cut", "rate_limit_429"])
def test_a_transient_error_only_postpones_the_next_poll(
    served: Served, clock: Clock, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The transport's own repeats are tested elsewhere.
    monkeypatch.setattr(exchange, "policy_for", lambda repeat: ONCE)
    training_id = served.train()
    served.force(training_id, "ready")
    served.fault(kind, endpoint="status", times=2, seconds=0.05)
    assert sensor(training_id, poll_interval=5).execute(context_of(TaskInstance())) == training_id


@pytest.mark.parametrize(
    ("reason", "permanent"), [("CUDA out of memory", False), ("Valid image links less than 3", True)]
)
def test_a_failed_training_fails_it_at_once_and_for_good(
    served: Served, clock: Clock, reason: str, permanent: bool
) -> None:
    """The sensor starts nothing: a retry would only find the same training failed."""
    training_id = served.train()
    served.force(training_id, "fail", reason=f"Training Failed:  {reason}")
    with pytest.raises(DreamboothTrainingFailedError, match=reason) as caught:
        sensor(training_id).execute(context_of(TaskInstance()))
    assert isinstance(caught.value, AirflowFailException)
    assert clock.slept == []


@pytest.mark.parametrize(
    ("kind", "error_class"), [("invalid_key", DreamboothAuthError), ("not_found", DreamboothNotFoundError)]
)
def test_a_permanent_error_fails_it_at_once(
    served: Served, clock: Clock, kind: str, error_class: type[DreamboothError]
) -> None:
    training_id = served.train()
    served.fault(kind, endpoint="status")
    with pytest.raises(error_class) as caught:
        sensor(training_id).execute(context_of(TaskInstance()))
    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize("policy", ["soft_fail", "never_fail"])
def test_soft_fail_skips_when_the_training_failed(
    served: Served, clock: Clock, policy: str, deferrable: bool
) -> None:
    training_id = served.train()
    served.force(training_id, "fail")
    arguments: dict[str, Any] = {policy: True}
    with pytest.raises(AirflowSkipException):
        sensor(training_id, deferrable=deferrable, **arguments).execute(context_of(TaskInstance()))


def test_the_timeout_keeps_its_meaning_and_a_long_eta_does_not_outwait_it(
    served: Served, clock: Clock
) -> None:
    training_id = served.train()
    began, task_instance = clock.now, TaskInstance()
    with pytest.raises(AirflowSensorTimeout):
        sensor(training_id, timeout=100).execute(context_of(task_instance))
    assert task_instance.xcoms["training"]["state"] == "timed_out"
    assert 100 <= clock.now - began < 102
    assert served.stage(training_id) == "deploying_gpu"


def test_reschedule_gives_the_slot_back_and_goes_on_where_it_was(served: Served, clock: Clock) -> None:
    from airflow.exceptions import AirflowRescheduleException

    training_id = served.train()
    store, task_instance = MemoryStateStore(), TaskInstance()
    with pytest.raises(AirflowRescheduleException):
        sensor(training_id, mode="reschedule", poll_interval=40).execute(context_of(task_instance, store))
    assert task_instance.xcoms.pop("training")["stages"][0]["stage"] == "deploying_gpu"  # as Airflow does
    clock.now += 40
    served.force(training_id, "ready")
    result = sensor(training_id, mode="reschedule").execute(context_of(task_instance, store))
    assert result == training_id
    stages = [item["stage"] for item in task_instance.xcoms["training"]["stages"]]
    assert stages == ["deploying_gpu", "model_ready"]


def test_a_rescheduled_poll_outlasts_a_connection_that_cannot_be_read(
    served: Served, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from airflow.exceptions import AirflowRescheduleException

    training_id = served.train()
    store, task_instance = MemoryStateStore(), TaskInstance()

    def execute() -> Any:
        made = sensor(training_id, mode="reschedule", poll_interval=40)
        return made.execute(context_of(task_instance, store))

    with pytest.raises(AirflowRescheduleException):
        execute()
    clock.now += 40
    monkeypatch.delenv("AIRFLOW_CONN_DREAMBOOTH_DEFAULT")
    with pytest.raises(AirflowRescheduleException):
        execute()
    served.connect()
    clock.now += 40
    served.force(training_id, "ready")
    assert execute() == training_id


@pytest.mark.parametrize("arguments", [{}, {"mode": "reschedule"}, {"deferrable": True}])
def test_a_connection_that_is_nowhere_shows_at_the_first_poll(
    clock: Clock, arguments: dict[str, Any]
) -> None:
    made = sensor("F5jvdzGnYi", dreambooth_conn_id="nowhere", **arguments)
    with pytest.raises(DreamboothTransientError, match="'nowhere' could not be read here"):
        made.execute(context_of(TaskInstance()))


def deferral(made: DreamboothFineTuneSensor, context: Any) -> TaskDeferred:
    with pytest.raises(TaskDeferred) as caught:
        made.execute(context)
    return caught.value


def test_it_polls_on_the_worker_before_it_defers(served: Served) -> None:
    training_id = served.train()
    served.force(training_id, "ready")
    assert sensor(training_id, deferrable=True).execute(context_of(TaskInstance())) == training_id


def test_it_defers_with_an_absolute_deadline_and_never_comes_back_at_once(
    served: Served, clock: Clock
) -> None:
    training_id = served.train()
    made = sensor(training_id, deferrable=True, timeout=600, poll_interval=1)
    deferred = deferral(made, context_of(TaskInstance()))
    arguments = deferred.trigger.serialize()[1]
    assert arguments["end_time"] == clock.now + 600
    assert arguments["first_poll"] >= clock.now + 8
    assert arguments["poll_interval"] == 1
    assert not arguments["cancel_on_kill"]
    assert served.key not in str(arguments)
    # Airflow's own deferral timeout fails a task without asking anybody: it comes later.
    assert deferred.timeout is not None
    assert deferred.timeout.total_seconds() > 600


def test_a_retry_gets_no_fresh_deadline_and_a_clear_does(served: Served, clock: Clock) -> None:
    training_id = served.train()
    store, task_instance = MemoryStateStore(), TaskInstance(max_tries=2)

    def deadline() -> float:
        made = sensor(training_id, deferrable=True, timeout=600)
        deferred = deferral(made, context_of(task_instance, store))
        return float(deferred.trigger.serialize()[1]["end_time"])

    first = deadline()
    clock.now += 100
    assert deadline() == first
    task_instance.max_tries = 5
    assert deadline() == clock.now + 600


def test_the_event_is_taken(served: Served) -> None:
    made = sensor("T1", deferrable=True)
    assert made.execute_complete(context_of(TaskInstance()), end("success")) == "T1"


@pytest.mark.parametrize(
    ("event", "error_class", "airflow_class"),
    [
        (end("failed", reason="CUDA"), DreamboothTrainingFailedError, AirflowFailException),
        (end("cancelled"), DreamboothTrainingFailedError, AirflowFailException),
        (end("error", error="DreamboothAuthError"), DreamboothAuthError, AirflowFailException),
        (end("error", error="NoSuchError"), DreamboothError, AirflowFailException),
        (end("timeout"), DreamboothTrainingTimeoutError, AirflowSensorTimeout),
        (end("success", "another"), DreamboothError, AirflowFailException),
        ({"status": "fine", "training_id": "T1"}, DreamboothError, AirflowFailException),
        (None, DreamboothError, AirflowFailException),
    ],
    ids=str,
)
def test_any_other_event_is_the_error_that_it_stands_for(
    served: Served, event: Any, error_class: type[Exception], airflow_class: type[Exception]
) -> None:
    with pytest.raises(error_class) as caught:
        sensor("T1", deferrable=True).execute_complete(context_of(TaskInstance()), event)
    assert isinstance(caught.value, airflow_class)
    with pytest.raises(AirflowSkipException):
        sensor("T1", deferrable=True, soft_fail=True).execute_complete(context_of(TaskInstance()), event)


def test_a_passing_error_event_is_left_to_a_retry(served: Served) -> None:
    event = end("error", error="DreamboothTransientError")
    with pytest.raises(DreamboothTransientError) as caught:
        sensor("T1", soft_fail=True).execute_complete(context_of(TaskInstance()), event)
    assert not isinstance(caught.value, AirflowFailException)


def test_the_timeout_says_that_the_training_is_still_running(served: Served) -> None:
    with pytest.raises(AirflowSensorTimeout, match="is still running"):
        sensor("T1", timeout=60).execute_complete(context_of(TaskInstance()), end("timeout"))


@pytest.mark.parametrize("interval", [0, -1, float("nan"), float("inf"), 10**400, "soon", True])
def test_an_interval_that_nobody_can_keep_is_an_error_of_the_dag(interval: Any) -> None:
    with pytest.raises(DreamboothValidationError, match="poll_interval"):
        sensor("T1", poll_interval=interval)


@pytest.mark.parametrize(
    "wrong",
    [{"training_id": ""}, {"training_id": "None"}, {"training_id": ["T1", "T2"]}, {"training_id": 1.2e7}],
    ids=str,
)
@pytest.mark.parametrize("deferrable", [False, True])
def test_what_nobody_can_wait_for_is_refused(served: Served, wrong: dict[str, Any], deferrable: bool) -> None:
    arguments: dict[str, Any] = {"training_id": "T1", "deferrable": deferrable, **wrong}
    with pytest.raises(DreamboothValidationError) as caught:
        sensor(arguments.pop("training_id"), **arguments).execute(context_of(TaskInstance()))
    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize(
    "wrong", [{"poll_interval": 0}, {"poll_interval": "soon"}, {"deferrable": "no"}], ids=str
)
def test_an_argument_that_no_template_can_change_is_refused_when_the_dag_is_read(
    served: Served, wrong: dict[str, Any]
) -> None:
    with pytest.raises(DreamboothValidationError, match=next(iter(wrong))):
        sensor("T1", **wrong)


def test_it_cancels_nothing_when_it_is_killed(served: Served) -> None:
    training_id = served.train()
    sensor(training_id).on_kill()
    assert served.stage(training_id) == "deploying_gpu"


def test_the_deadline_is_real_time(served: Served) -> None:
    training_id = served.train()
    deferred = deferral(sensor(training_id, deferrable=True, timeout=60), context_of(TaskInstance()))
    assert abs(deferred.trigger.serialize()[1]["end_time"] - time.time() - 60) < 30
