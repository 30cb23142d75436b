# SPDX-License-Identifier: Apache-2.0
"""Every method of the hook on a real server; the Test button; the key stays out of sight."""

from __future__ import annotations

import inspect
import logging
import traceback
from collections.abc import Callable
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth import connection
from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothInsufficientCreditsError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.hooks import stored_connection
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.transport.retry import ONCE
from tests.unit.conftest import Served


def test_a_training_from_start_to_end(served: Served) -> None:
    hook = DreamboothHook()
    training_id = served.train()
    assert hook.fine_tune_status(training_id).outcome is Outcome.RUNNING
    assert [model.model_id for model in hook.list_models()] == [training_id]
    hook.cancel_training(training_id)
    assert hook.fine_tune_status(training_id).outcome is Outcome.CANCELLED
    hook.delete_model(training_id)
    assert hook.list_models() == ()


def test_images_are_rendered_fetched_and_downloaded(served: Served) -> None:
    hook = DreamboothHook()
    training_id = served.train()
    served.force(training_id, "ready")
    answer = hook.text_to_image(model_id=training_id, prompt="photo of zwx fox", samples=2)
    assert answer.ready
    assert len(answer.urls) == 2
    again = hook.fetch_image(answer.request_id or "")
    assert again.urls == answer.urls
    assert hook.download(answer.urls[0]).startswith(b"\x89PNG")
    assert hook.reload_model(training_id).message


def test_an_uploaded_image_has_a_link(served: Served) -> None:
    image = DreamboothHook().download(f"{served.url}/samples/fox/1.png")
    link = DreamboothHook().upload_image(image, name="fox.png").url
    assert link.startswith("http")
    assert DreamboothHook().download(link).startswith(b"\x89PNG")


async def test_the_asynchronous_methods_do_the_same(served: Served) -> None:
    hook = DreamboothHook()
    training_id = served.train()
    assert (await hook.afine_tune_status(training_id)).outcome is Outcome.RUNNING
    await hook.acancel_training(training_id)
    assert (await hook.afine_tune_status(training_id)).outcome is Outcome.CANCELLED
    other = served.train(seed=2)
    served.force(other, "ready")
    answer = hook.text_to_image(model_id=other, prompt="photo of zwx fox")
    assert (await hook.afetch_image(answer.request_id or "")).urls == answer.urls


def test_the_contracts_methods_are_there() -> None:
    blocking = (
        "fine_tune fine_tune_status cancel_training list_models delete_model reload_model upload_image "
        "text_to_image fetch_image test_connection"
    )
    for name in blocking.split():
        assert callable(getattr(DreamboothHook, name))
    for name in ("afine_tune_status", "acancel_training", "afetch_image"):
        assert inspect.iscoroutinefunction(getattr(DreamboothHook, name))


def test_the_button_says_that_a_good_key_works_and_costs_nothing(served: Served) -> None:
    works, text = DreamboothHook().test_connection()
    assert works
    assert served.url in text
    assert "Nothing was charged" in text
    assert not [item for item in served.service.trainings.values() if item.account == served.key]


def test_the_button_says_what_is_wrong_with_a_bad_key(served: Served) -> None:
    served.fault("invalid_key")
    works, text = DreamboothHook().test_connection()
    assert not works
    assert "Invalid Api Key" in text
    assert served.key not in text


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"password": ""}, "'API key'"),
        ({"host": "ftp://x"}, "'host'"),
        ({"extra": {"environment": "moon"}}, "'environment'"),
    ],
    ids=str,
)
def test_the_button_says_which_field_is_wrong_and_not_airflows_random_id(
    served: Served, wrong: dict[str, Any], field: str
) -> None:
    served.connect("xqpzkv", **wrong)
    works, text = DreamboothHook("xqpzkv").test_connection()
    assert not works
    assert text.startswith("The connection")
    assert field in text
    assert "xqpzkv" not in text


def test_the_button_says_when_nobody_answers(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_dreambooth.transport import exchange

    monkeypatch.setattr(exchange, "policy_for", lambda repeat: ONCE)
    served.connect(host="http://127.0.0.1:9")
    works, text = DreamboothHook().test_connection()
    assert not works
    assert "127.0.0.1:9" in text


def test_the_sandbox_has_no_cancel_and_says_so_before_anything_is_sent(served: Served) -> None:
    served.connect(extra={"environment": "sandbox"})
    hook = DreamboothHook()
    assert hook.environment is Environment.SANDBOX
    training_id = served.train()
    with pytest.raises(DreamboothValidationError, match=f"{training_id} is still running"):
        hook.cancel_training(training_id)


def test_what_cannot_be_trained_is_refused_before_anything_is_sent(served: Served) -> None:
    before = len(served.service.journal.description(1000))
    with pytest.raises(DreamboothValidationError, match="nothing was paid"):
        served.train(images=["https://x.example/1.png"])
    assert len(served.service.journal.description(1000)) == before


FAULTS: list[tuple[str, type[DreamboothError]]] = [
    ("invalid_key", DreamboothAuthError),
    ("no_credits", DreamboothInsufficientCreditsError),
    ("not_found", DreamboothNotFoundError),
    ("rate_limit_429", DreamboothRateLimitError),
    ("http_502_html", DreamboothError),
    ("cut", DreamboothError),
    ("truncated", DreamboothError),
]


@pytest.mark.parametrize(("kind", "error_class"), FAULTS)
def test_the_key_is_in_no_exception_log_or_representation(
    served: Served,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    error_class: type[DreamboothError],
) -> None:
    from airflow_provider_dreambooth.transport import exchange

    monkeypatch.setattr(exchange, "policy_for", lambda repeat: ONCE)
    caplog.set_level(logging.DEBUG)
    served.fault(kind, endpoint="*", times=1)
    hook = DreamboothHook()
    with pytest.raises(error_class) as caught:
        hook.list_models()
    seen = "".join(
        [
            *traceback.format_exception(caught.value),
            repr(caught.value.__dict__),
            repr(hook),
            repr(hook.settings),
            repr(hook.get_conn()),
            caplog.text,
            *capsys.readouterr(),
        ]
    )
    assert served.key not in seen


def test_a_paid_request_is_sent_once_when_its_answer_is_lost(served: Served) -> None:
    for kind in ("http_502_html", "cut", "truncated", "http_500"):
        served.service.faults.clear()
        before = len(served.service.trainings)
        served.fault(kind, endpoint="create", when="after")
        with pytest.raises(DreamboothError) as caught:
            served.train()
        assert caught.value.acceptance.value == "unknown"
        assert len(served.service.trainings) == before + 1


def test_the_connection_is_read_once_for_a_hook(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[str] = []
    original: Callable[[str], Any] = DreamboothHook.get_connection

    def reading(conn_id: str) -> Any:
        reads.append(conn_id)
        return original(conn_id)

    monkeypatch.setattr(DreamboothHook, "get_connection", staticmethod(reading))
    hook = DreamboothHook()
    hook.list_models()
    hook.list_models()
    assert reads == ["dreambooth_default"]


async def test_a_connection_that_cannot_be_read_is_a_transient_error_without_the_text_of_the_cause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def unreadable(conn_id: str) -> Any:
        raise ValueError("cannot parse dreambooth://:the-key@")

    def blocking(conn_id: str) -> Any:
        raise ValueError("cannot parse dreambooth://:the-key@")

    monkeypatch.setattr(compat, "get_connection", unreadable)
    monkeypatch.setattr(DreamboothHook, "get_connection", staticmethod(blocking))
    with pytest.raises(DreamboothTransientError) as on_worker:
        _ = DreamboothHook("elsewhere").settings
    with pytest.raises(DreamboothTransientError) as in_triggerer:
        await DreamboothHook("elsewhere").asettings()
    for caught in (on_worker, in_triggerer):
        assert str(caught.value).startswith("Connection 'elsewhere' could not be read here (ValueError).")
        assert "Nothing was sent" in str(caught.value)
        assert "the-key" not in "".join(traceback.format_exception(caught.value))


def test_a_connection_that_is_not_defined_is_reported_in_the_same_words() -> None:
    with pytest.raises(DreamboothTransientError, match=r"'nowhere' could not be read here \(AirflowNotFound"):
        _ = DreamboothHook("nowhere").settings


def test_an_open_way_for_the_key_is_told_once_and_by_the_test_button(
    served: Served, mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    mocker.patch.object(stored_connection, "_warned", set())
    # No unit test speaks with a host of the internet.
    mocker.patch.object(connection, "_is_public", return_value=True)
    for _ in range(2):
        ok, text = DreamboothHook().test_connection()
    assert ok
    assert f"{served.url} is not encrypted" in text
    assert [record.getMessage() for record in caplog.records if "not encrypted" in record.getMessage()] == [
        f"Connection 'dreambooth_default': {DreamboothHook().settings.warnings[0]}"
    ]


def test_a_connection_is_read_again_when_asked_to(served: Served) -> None:
    hook = DreamboothHook()
    assert hook.settings.api_key == served.key
    assert not hook.reread()
    served.connect(password="a-renewed-key")
    assert hook.reread()
    assert hook.settings.api_key == "a-renewed-key"


def test_the_test_button_tells_the_balance_where_the_service_does(served: Served) -> None:
    assert "the account has 0 models and 100.00 USD in its wallet." in DreamboothHook().test_connection()[1]
    served.fault("not_found", endpoint="wallet_balance")
    ok, text = DreamboothHook().test_connection()
    assert ok
    assert "the account has 0 models. Nothing was charged." in text


def test_a_wait_on_a_worker_outlives_its_key(served: Served, mocker: MockerFixture) -> None:
    training_id = served.train()
    hook = DreamboothHook()
    hook.fine_tune_status(training_id)
    served.fault("invalid_key", times=1)
    served.connect(extra={"timeout": 9})
    assert hook.fine_tune_status(training_id).outcome is Outcome.RUNNING
    assert hook.settings.timeout == 9


def test_a_refused_key_that_is_still_the_same_is_final(served: Served) -> None:
    training_id = served.train()
    hook = DreamboothHook()
    served.fault("invalid_key", times=1)
    with pytest.raises(DreamboothAuthError):
        hook.fine_tune_status(training_id)


def test_what_decides_about_money_is_never_asked_with_another_key(served: Served) -> None:
    hook = DreamboothHook()
    hook.list_models()
    served.connect(password="the-key-of-another-account")
    served.fault("invalid_key", times=1)
    with pytest.raises(DreamboothAuthError):
        hook.list_models()
