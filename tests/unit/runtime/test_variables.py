# SPDX-License-Identifier: Apache-2.0
"""Only Airflow's word that a Variable is not there counts as absent, on every Airflow."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from airflow_provider_dreambooth.exceptions import DreamboothTransientError
from airflow_provider_dreambooth.runtime import compat, variables
from tests.unit.runtime.airflow_answers import absent, airflow_answers, broken, found


def test_a_variable_in_the_database_is_found() -> None:
    with airflow_answers(found("text")):
        assert variables.accessor().get("key") == "text"


def test_a_variable_that_airflow_does_not_have_is_absent() -> None:
    with airflow_answers(absent()):
        assert variables.accessor().get("key") is None
        assert variables.accessor().get("key", "default") == "default"


@pytest.mark.parametrize(
    "error", [broken(), RuntimeError("cut"), ConnectionResetError(), EOFError()], ids=repr
)
def test_an_error_of_airflow_is_never_taken_for_absent(error: Any) -> None:
    with airflow_answers(error), pytest.raises(DreamboothTransientError) as caught:
        variables.accessor().get("key", "default")
    assert "'key' could not be read" in str(caught.value)
    assert "nothing is sent" in str(caught.value)
    assert "word" not in str(caught.value)


def test_a_variable_in_the_environment_is_found_whatever_the_database_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_KEY", "from the environment")
    with airflow_answers(broken()) as database:
        assert variables.accessor().get("key") == "from the environment"
    assert database.asked == []


class Backend:
    """A secrets backend."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def get_variable(self, key: str) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def first_backend(monkeypatch: pytest.MonkeyPatch) -> Backend:
    """A secrets backend before all others."""
    backend = Backend(None)
    if compat.AIRFLOW_V_3_0_PLUS:
        from airflow.sdk.execution_time import supervisor as place

        name = "ensure_secrets_backend_loaded"
    else:
        import airflow.configuration as place  # type: ignore[no-redef]

        name = "ensure_secrets_loaded"
    others = getattr(place, name)
    monkeypatch.setattr(place, name, lambda *args, **kwargs: [backend, *others(*args, **kwargs)])
    return backend


def test_a_secrets_backend_comes_first(first_backend: Backend) -> None:
    first_backend.answer = "from the vault"
    with airflow_answers(found("from the database")):
        assert variables.accessor().get("key") == "from the vault"


def test_a_secrets_backend_that_does_not_answer_is_an_error_although_the_database_has_nothing(
    first_backend: Backend,
) -> None:
    first_backend.answer = TimeoutError("vault at 10.0.0.1")
    with airflow_answers(absent()), pytest.raises(DreamboothTransientError, match="TimeoutError") as caught:
        variables.accessor().get("key")
    assert "10.0.0.1" not in str(caught.value)


@pytest.mark.parametrize(
    ("method", "arguments"), [("set", ("key", "text")), ("delete", ("key",)), ("keys", ("key",))]
)
def test_a_write_or_a_list_that_airflow_does_not_confirm_is_an_error(
    method: str, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing:
        def __getattr__(self, name: str) -> Any:
            def fail(*args: Any, **kwargs: Any) -> None:
                raise RuntimeError("the database is gone")

            return fail

    monkeypatch.setattr(variables, "_airflows", Failing)
    with pytest.raises(
        DreamboothTransientError, match=r"could not be (written|deleted|listed) \(RuntimeError\)"
    ):
        getattr(variables.accessor(), method)(*arguments)


def test_the_installed_variable_takes_what_is_passed_to_it() -> None:
    installed = variables._airflows()
    assert "description" in inspect.signature(installed.set).parameters
    assert "key" in inspect.signature(installed.delete).parameters
    if compat.CAN_LIST_VARIABLES:
        assert list(inspect.signature(installed.keys).parameters) == ["prefix"]
