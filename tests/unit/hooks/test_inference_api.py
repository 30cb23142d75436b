# SPDX-License-Identifier: Apache-2.0
"""Which form of rendering, fetch and reload goes out, and that a billed request goes out once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothNotFoundError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from tests.unit.transport.small_server import Reply, Request, SmallServer, document

V4, V6 = "/api/v4/dreambooth", "/api/v6/images/text2img"
NO_ROUTE = document({"message": "The route could not be found."}, 404)
IMAGE = {"status": "success", "id": 13, "output": ["https://images.example/0.png"], "meta": {"steps": 20}}
Serve = Callable[..., SmallServer]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """A server that does with each request what a function says, and the connection that leads there."""
    servers: list[SmallServer] = []

    def make(answer: Callable[[Request], Reply], **extra: Any) -> SmallServer:
        server = SmallServer(lambda request, _: answer(request))
        servers.append(server)
        fields = {
            "conn_type": "dreambooth",
            "host": server.url,
            "password": "secret-key-of-the-account",
            "extra": {"environment": "production", "timeout": 5, **extra},
        }
        monkeypatch.setenv("AIRFLOW_CONN_DREAMBOOTH_DEFAULT", json.dumps(fields))
        return server

    yield make
    for server in servers:
        server.close()


def knows(*paths: str) -> Callable[[Request], Reply]:
    """Serve these paths, and no other route."""
    return lambda request: document(IMAGE) if request.path in paths else NO_ROUTE


def render() -> Any:
    return DreamboothHook().text_to_image(model_id="F5jvdzGnYi", prompt="photo of ohwx person")


def asked(server: SmallServer) -> list[str]:
    return [request.path for request in server.requests]


def test_todays_form_is_used_where_the_server_knows_it(serve: Serve) -> None:
    server = serve(knows(V6))
    assert render().inference_api == "v6"
    assert asked(server) == [V6]


def test_a_missing_route_leads_to_the_other_form_which_is_remembered(serve: Serve) -> None:
    server = serve(knows(V4))
    assert render().inference_api == "v4"
    assert asked(server) == [V6, V4]
    render()
    assert asked(server) == [V6, V4, V4]


def test_a_form_that_was_remembered_and_is_gone_leads_back(serve: Serve) -> None:
    known = {V4}
    server = serve(lambda request: document(IMAGE) if request.path in known else NO_ROUTE)
    render()
    known.clear()
    known.add(V6)
    assert render().inference_api == "v6"
    assert asked(server) == [V6, V4, V4, V6]


@pytest.mark.parametrize("status", [200, 404])
def test_a_missing_model_is_no_missing_route(serve: Serve, status: int) -> None:
    server = serve(lambda _: document({"status": "error", "messege": "Model not found"}, status))
    with pytest.raises(DreamboothNotFoundError):
        render()
    assert asked(server) == [V6]


@pytest.mark.parametrize(
    "reply",
    [
        Reply(cut=True),
        Reply(body=b'{"status": "success"', half=True),
        Reply(502, b"<html>bad gateway"),
        Reply(200, b"<html>"),
        document({"status": "failed", "id": "", "message": "Failed, Try Again", "output": ""}),
        document({"status": "success", "output": []}),
    ],
    ids=["cut", "half", "502", "page", "try again", "no id"],
)
def test_a_billed_request_whose_answer_is_lost_is_sent_once(serve: Serve, reply: Reply) -> None:
    server = serve(lambda _: reply)
    with pytest.raises(DreamboothTransientError) as caught:
        render()
    assert caught.value.acceptance is Acceptance.UNKNOWN
    assert asked(server) == [V6]


def test_reload_and_fetch_fall_back_too(serve: Serve) -> None:
    paths = ["/api/v4/dreambooth/model_reload", "/api/v4/dreambooth/fetch"]
    server = serve(knows(*paths))
    DreamboothHook().reload_model("F5jvdzGnYi")
    assert DreamboothHook().fetch_image("13").ready
    assert asked(server) == ["/api/v6/images/model_reload", *paths]


def test_a_place_to_fetch_from_that_is_gone_leads_to_the_forms_own(serve: Serve) -> None:
    server = serve(knows("/api/v4/dreambooth/fetch"))
    assert DreamboothHook().fetch_image("13", "/api/v3/dreambooth/fetch/13").ready
    assert asked(server) == ["/api/v3/dreambooth/fetch/13", "/api/v4/dreambooth/fetch"]


def test_too_many_steps_for_v6_are_warned_of_before_they_are_billed(
    serve: Serve, mocker: MockerFixture
) -> None:
    server = serve(knows(V6))
    hook = DreamboothHook()
    said: list[str] = []

    def warn(line: str, *words: object) -> None:
        assert not server.requests
        said.append(line % words)

    mocker.patch.object(hook.log, "warning", warn)
    hook.text_to_image(model_id="X", prompt="a person", num_inference_steps=31)
    assert "renders 20 at most" in said[0]
