# SPDX-License-Identifier: Apache-2.0
"""Loading a model again that was idle for more than a week, on a real server."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import TaskDeferred
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.exceptions import DreamboothTransientError, DreamboothValidationError
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.operators import reload_model as module
from airflow_provider_dreambooth.operators.dreambooth import DreamboothReloadModelOperator
from tests.unit.conftest import Served

#: Seconds that the emulator takes for a reload at the longest.
LONG = 10_000.0


@pytest.fixture
def idle(served: Served) -> str:
    model = served.train()
    served.force(model, "ready")
    advance(served, 8 * 86400)
    return model


def advance(served: Served, seconds: float) -> None:
    served.service.clock.advance(seconds)  # type: ignore[attr-defined]


def reload(model_id: str, **arguments: Any) -> DreamboothReloadModelOperator:
    return DreamboothReloadModelOperator(task_id="reload", model_id=model_id, **arguments)


@pytest.mark.parametrize("timeout", [900, None])
def test_it_waits_until_the_model_is_loaded(
    served: Served, idle: str, mocker: MockerFixture, timeout: float | None
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        advance(served, LONG)

    mocker.patch(f"{module.__name__}.time.sleep", sleep)
    assert reload(idle, wait_for_completion=True, timeout=timeout).execute({}) == idle
    assert slept == [module.USUAL_INTERVAL]
    assert not DreamboothHook().reload_model(idle).processing


def test_by_default_it_stays_out_of_the_filter_of_duplicates() -> None:
    assert module.USUAL_INTERVAL > 30.0


@pytest.mark.parametrize(("timeout", "bounded"), [(900, True), (None, False)])
def test_it_waits_without_a_worker(served: Served, idle: str, timeout: float | None, bounded: bool) -> None:
    operator = reload(idle, wait_for_completion=True, deferrable=True, timeout=timeout)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute({})
    kwargs = deferred.value.kwargs or {}
    assert (kwargs["end_time"] is not None) is bounded
    advance(served, LONG)
    assert operator.execute_complete({}, {"status": "turn"}, **kwargs) == idle


def test_it_gives_up_after_its_timeout(idle: str) -> None:
    with pytest.raises(DreamboothTransientError, match="not loaded in time"):
        reload(idle, wait_for_completion=True, timeout=1e-6).execute({})


def test_a_loaded_model_is_left_as_it_is(served: Served) -> None:
    model = served.train()
    served.force(model, "ready")
    assert reload(model, wait_for_completion=True).execute({}) == model


def test_report_only_asks_nothing(served: Served) -> None:
    assert reload("nobody-knows-it", report_only=True).execute({}) == "nobody-knows-it"


@pytest.mark.parametrize("wrong", [{"timeout": 0}, {"poll_interval": 0}], ids=str)
def test_an_argument_that_no_template_fills_is_checked_when_the_dag_is_parsed(wrong: dict[str, Any]) -> None:
    with pytest.raises(DreamboothValidationError, match=rf"^{next(iter(wrong))}"):
        reload("X", **wrong)
