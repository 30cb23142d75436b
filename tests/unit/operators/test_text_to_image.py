# SPDX-License-Identifier: Apache-2.0
"""The rendering operator on a real server: at once, after a wait, deferred, and what it refuses."""

from __future__ import annotations

import time
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, TaskDeferred
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothAuthError,
    DreamboothError,
    DreamboothInsufficientCreditsError,
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.operators import text_to_image as module
from airflow_provider_dreambooth.operators.dreambooth import DreamboothFineTuneOperator
from airflow_provider_dreambooth.operators.text_to_image import DreamboothTextToImageOperator
from airflow_provider_dreambooth.training.deadline import SOONEST_RETURN
from tests.unit.conftest import Served
from tests.unit.task_surroundings import MemoryStateStore, TaskInstance, context_of


def operator(served: Served, **changes: Any) -> DreamboothTextToImageOperator:
    if "model_id" not in changes:
        changes["model_id"] = served.train()
        served.force(changes["model_id"], "ready")
    return DreamboothTextToImageOperator(task_id="render", **{"prompt": "photo of zwx fox", **changes})


def run(made: DreamboothTextToImageOperator) -> Any:
    return made.execute(context_of(TaskInstance("render")))


def test_pictures_that_are_there_are_returned_at_once(served: Served) -> None:
    links = run(operator(served, samples=2))
    assert len(links) == 2
    assert all(link.startswith(served.url) for link in links)


def test_pictures_that_take_a_moment_are_waited_for(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    made = operator(served, poll_interval=5)
    served.service.options.render = 30.0

    class Time:
        time = staticmethod(time.time)
        slept: list[float] = []  # noqa: RUF012

        @classmethod
        def sleep(cls, seconds: float) -> None:
            cls.slept.append(seconds)
            served.service.clock.advance(seconds)  # type: ignore[attr-defined]

    monkeypatch.setattr(module, "time", Time)
    assert len(run(made)) == 1
    assert set(Time.slept) == {5.0}


def test_a_long_wait_is_deferred_without_a_secret(served: Served) -> None:
    made = operator(served, deferrable=True)
    served.service.options.render = 120.0
    with pytest.raises(TaskDeferred) as caught:
        run(made)
    arguments = caught.value.trigger.serialize()[1]
    assert arguments["request_id"]
    assert served.key not in str(arguments)
    assert caught.value.method_name == "execute_complete"


@pytest.mark.parametrize(
    "wrong",
    [
        {"prompt": ""},
        {"width": 500},
        {"samples": 9},
        {"guidance_scale": 99},
        {"parameters": {"key": "x"}},
    ],
    ids=str,
)
def test_bad_input_is_refused_before_anything_is_rendered(served: Served, wrong: dict[str, Any]) -> None:
    made = operator(served, **wrong)
    before = len(served.service.renderings)
    with pytest.raises(DreamboothValidationError) as caught:
        run(made)
    assert isinstance(caught.value, AirflowFailException)
    assert len(served.service.renderings) == before


@pytest.mark.parametrize(
    "wrong",
    [{"timeout": 0}, {"timeout": "soon"}, {"poll_interval": -1}, {"overwrite": "no"}, {"deferrable": "no"}],
    ids=str,
)
def test_an_argument_that_no_template_fills_is_checked_when_the_dag_is_parsed(wrong: dict[str, Any]) -> None:
    with pytest.raises(DreamboothValidationError, match=rf"^{next(iter(wrong))}"):
        DreamboothTextToImageOperator(task_id="render", model_id="X", prompt="a person", **wrong)


def test_a_model_that_is_not_there_ends_the_task(served: Served) -> None:
    with pytest.raises(DreamboothNotFoundError) as caught:
        run(operator(served, model_id="nothing"))
    assert isinstance(caught.value, AirflowFailException)


@pytest.mark.parametrize(
    ("event", "error_class", "ends"),
    [
        ({"status": "timeout", "request_id": "7", "message": "late"}, DreamboothTransientError, False),
        ({"status": "error", "error": "DreamboothAuthError", "message": "key"}, DreamboothAuthError, True),
        ({"status": "error", "error": "Nonsense", "message": "x"}, DreamboothError, True),
        ({"status": "error", "error": "annotations", "message": "x"}, DreamboothError, True),
        ({"status": "splendid"}, DreamboothError, True),
        (None, DreamboothError, True),
    ],
    ids=str,
)
def test_only_a_good_event_is_a_success(
    served: Served, event: Any, error_class: type[Exception], ends: bool
) -> None:
    with pytest.raises(error_class) as caught:
        operator(served).execute_complete(context_of(TaskInstance("render")), event)
    assert isinstance(caught.value, AirflowFailException) is ends


def test_a_good_event_returns_the_links(served: Served) -> None:
    event = {"status": "success", "request_id": "7", "message": "", "urls": ["https://x.example/1.png"]}
    made = operator(served)
    assert made.execute_complete(context_of(TaskInstance("render")), event) == ["https://x.example/1.png"]


def test_a_retry_after_a_lost_answer_sends_one_new_request_and_says_so(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    instance, store = TaskInstance("render"), MemoryStateStore()
    before = len(served.service.renderings)
    made = operator(served)
    served.fault("cut", endpoint="text_to_image", times=1)
    with pytest.raises(DreamboothTransientError, match="not sent again in this try") as caught:
        made.execute(context_of(instance, store))
    assert caught.value.acceptance is Acceptance.UNKNOWN
    assert instance.xcoms["rendering"]["state"] == "failed"
    lost = len(served.service.renderings) - before
    instance.try_number = 2
    assert made.execute(context_of(instance, store))
    assert len(served.service.renderings) - before == lost + 1
    assert "may be billed as well" in capsys.readouterr().out


def test_a_refused_request_leaves_the_earlier_rendering_as_it_was(served: Served) -> None:
    instance, store = TaskInstance("render"), MemoryStateStore()
    made = operator(served)
    links = made.execute(context_of(instance, store))
    kept = dict(store.entries)
    other = operator(served, model_id=made.model_id, prompt="another prompt")
    served.fault("no_credits", endpoint="text_to_image", times=1)
    with pytest.raises(DreamboothInsufficientCreditsError):
        other.execute(context_of(instance, store))
    assert store.entries == kept
    assert made.execute(context_of(instance, store)) == links


def test_the_xcom_tells_the_rendering(served: Served) -> None:
    instance, store = TaskInstance("render"), MemoryStateStore()
    made = operator(served, seed=7, negative_prompt="blurred")
    links = made.execute(context_of(instance, store))
    shown = instance.xcoms["rendering"]
    assert shown.pop("requested_at") <= shown.pop("ended_at")
    assert shown == {
        "version": 1,
        "request_id": shown["request_id"],
        "state": "ready",
        "money": "accepted",
        "connection": "dreambooth_default",
        "service": served.url,
        "inference_api": "v6",
        "model_id": made.model_id,
        "lora_model": None,
        "prompt": "photo of zwx fox",
        "negative_prompt": "blurred",
        "seed": 7,
        "images": links,
        "files": None,
        "reason": None,
        "next_step": None,
    }
    instance.try_number = 2
    made.execute(context_of(instance, store))
    assert instance.xcoms["rendering"]["money"] == "re-attached"


def test_while_the_service_renders_the_xcom_says_so(served: Served) -> None:
    instance = TaskInstance("render")
    made = operator(served, deferrable=True, poll_interval=1)
    served.service.options.render = 120.0
    with pytest.raises(TaskDeferred):
        made.execute(context_of(instance))
    assert instance.xcoms["rendering"]["state"] == "processing"
    assert instance.xcoms["rendering"]["images"] == []


def test_a_deferred_task_does_not_come_back_at_once_however_short_the_interval(served: Served) -> None:
    made = operator(served, deferrable=True, poll_interval=0.1)
    served.service.options.render = 120.0
    started = time.time()
    with pytest.raises(TaskDeferred) as caught:
        run(made)
    assert caught.value.trigger.serialize()[1]["first_poll"] >= started + SOONEST_RETURN


def test_steps_that_were_not_rendered_are_reported(
    served: Served, capsys: pytest.CaptureFixture[str]
) -> None:
    run(operator(served, num_inference_steps=31))
    assert "was rendered with 20 inference steps; 31 were asked for" in capsys.readouterr().out


def test_a_lora_is_rendered_on_its_base(served: Served) -> None:
    lora = served.train(method="lora")
    served.force(lora, "ready")
    assert run(operator(served, model_id="sdxl", lora_model=lora, lora_strength=0.7))
    body = list(served.service.renderings.values())[-1].body
    assert (body["model_id"], body["lora_model"], body["lora_strength"]) == ("sdxl", lora, "0.7")


def test_a_lora_that_does_not_fit_its_base_is_refused_before_anything_is_billed(served: Served) -> None:
    with DAG("portraits"):
        train = DreamboothFineTuneOperator(
            task_id="train",
            instance_prompt="photo of zwx fox",
            class_prompt="photo of fox",
            images=["https://images.example/1.png"],
            method="lora",
        )
        made = DreamboothTextToImageOperator(
            task_id="render", model_id="flux", prompt="photo of zwx fox", lora_model=train.output
        )
    made.lora_model = "F5jvdzGnYi"
    before = len(served.service.renderings)
    with pytest.raises(DreamboothValidationError, match="does not fit"):
        run(made)
    assert len(served.service.renderings) == before


def test_a_lora_that_a_template_lost_is_refused(served: Served) -> None:
    made = operator(served, model_id="sdxl", lora_model="{{ none }}")
    made.lora_model = None
    with pytest.raises(DreamboothValidationError, match=r"^lora_model "):
        run(made)


@pytest.mark.parametrize(
    ("error", "kept"), [("DreamboothAuthError", True), ("DreamboothNotFoundError", False)]
)
def test_only_a_request_that_the_service_does_not_know_is_forgotten(
    served: Served, error: str, kept: bool
) -> None:
    instance, store = TaskInstance("render"), MemoryStateStore()
    made = operator(served, deferrable=True)
    served.service.options.render = 120.0
    with pytest.raises(TaskDeferred):
        made.execute(context_of(instance, store))
    event = {"status": "error", "error": error, "message": "x", "request_id": "7"}
    with pytest.raises(DreamboothError):
        made.execute_complete(context_of(instance, store), event)
    assert ("dreambooth_rendering" in store.entries) is kept


def test_a_state_that_cannot_be_written_does_not_lose_images_that_are_paid(
    served: Served, mocker: MockerFixture
) -> None:
    instance, store = TaskInstance("render"), MemoryStateStore()
    real, written = store.set, []

    def failing(key: str, value: Any, **details: Any) -> None:
        written.append(key)
        if len(written) > 1:
            raise OSError("the API server is gone")
        real(key, value, **details)

    mocker.patch.object(store, "set", failing)
    assert operator(served).execute(context_of(instance, store))
    assert len(written) > 1
