"""The rendering operator on a real server: at once, after a wait, deferred, and what it refuses."""

from __future__ import annotations

import time
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, TaskDeferred

from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.operators import text_to_image as module
from airflow_provider_dreambooth.operators.text_to_image import DreamboothTextToImageOperator
from tests.unit.conftest import Served
from tests.unit.task_surroundings import TaskInstance, context_of


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
        {"timeout": 0},
        {"poll_interval": -1},
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
