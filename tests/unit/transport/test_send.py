# SPDX-License-Identifier: Apache-2.0
"""Carrying a call, by both transports: what goes out, what comes back, what a broken exchange means."""

from __future__ import annotations

import gc
import logging
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_dreambooth.api import training_calls
from airflow_provider_dreambooth.api.call import ApiCall, Repeat
from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothAuthError,
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.transport.retry import ONCE
from tests.unit.transport.conftest import KEY, Carrier, Clock, Serve
from tests.unit.transport.small_server import RUNNING, STARTED, Reply, document

STATUS = training_calls.status("F5jvdzGnYi", Environment.SANDBOX)


def paid(**body: Any) -> ApiCall[Any]:
    """A call that costs money."""
    return ApiCall(
        path="/api/v3/fine_tune",
        body={"instance_prompt": "photo of zwx fox", **body},
        read=lambda answer: answer,
        about="a new training",
        repeat=Repeat.ONLY_IF_NOT_ACCEPTED,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_the_key_is_in_the_json_body_and_nowhere_else(carrier: Carrier, serve: Serve) -> None:
    server = serve(STARTED)
    carrier.to(server.url).send(paid())
    (request,) = server.requests
    assert request.method == "POST"
    assert request.document == {"instance_prompt": "photo of zwx fox", "key": KEY}
    assert request.headers["content-type"] == "application/json"
    assert KEY not in request.path
    assert KEY not in str(request.headers)


def test_the_typed_result_comes_back(carrier: Carrier, serve: Serve) -> None:
    assert carrier.to(serve(RUNNING).url).send(STATUS).stage == "training_started"


def test_a_typed_error_comes_back_with_http_200(carrier: Carrier, serve: Serve) -> None:
    server = serve(document({"status": "error", "message": "Invalid Api Key"}))
    with pytest.raises(DreamboothAuthError):
        carrier.to(server.url).send(STATUS)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "broken",
    [
        Reply(cut=True),
        Reply(body=b'{"status": "success", "messege": "training_started"}', half=True),
        Reply(502, b"<html>Bad gateway</html>"),
        Reply(200, b""),
        document({"status": "failed", "messege": "Failed, Try Again"}),
    ],
    ids=["cut", "half a body", "html", "empty", "failed, try again"],
)
def test_a_read_is_repeated_after_a_transient_error(
    carrier: Carrier, serve: Serve, clock: Clock, broken: Reply
) -> None:
    server = serve(broken, RUNNING)
    assert carrier.to(server.url).send(STATUS).stage == "training_started"
    assert len(server.requests) == 2
    assert clock.slept


@pytest.mark.parametrize(
    "broken",
    [
        Reply(cut=True),
        Reply(body=b'{"status": "success", "training_id": "F5jvdzGnYi"}', half=True),
        Reply(502, b"<html>Bad gateway</html>"),
        Reply(200, b"not json"),
        Reply(500, b'{"status": "error", "message": "Internal server error. Please try again."}'),
    ],
    ids=["cut", "half a body", "html", "unreadable", "500"],
)
def test_a_paid_call_is_never_repeated_when_it_may_have_been_accepted(
    carrier: Carrier, serve: Serve, broken: Reply
) -> None:
    server = serve(broken, STARTED)
    with pytest.raises(DreamboothTransientError) as caught:
        carrier.to(server.url).send(paid())
    assert caught.value.acceptance is Acceptance.UNKNOWN
    assert len(server.requests) == 1


def test_no_answer_in_time_leaves_a_paid_call_open(carrier: Carrier, serve: Serve) -> None:
    server = serve(Reply(hold=True))
    with pytest.raises(
        DreamboothTransientError, match=r"did not answer .* within 0.3 s.*may have accepted"
    ) as caught:
        carrier.to(server.url, timeout=0.3).send(paid())
    assert caught.value.acceptance is Acceptance.UNKNOWN
    assert len(server.requests) == 1


def test_a_refused_connection_proves_that_nothing_was_accepted(carrier: Carrier, clock: Clock) -> None:
    port = free_port()
    with pytest.raises(DreamboothTransientError) as caught:
        carrier.to(f"http://127.0.0.1:{port}").send(paid())
    error = caught.value
    assert error.acceptance is Acceptance.NO
    assert f"127.0.0.1:{port} refused the connection" in error.message
    assert "dreambooth-emulator" in error.message
    assert "a new training" in error.message
    assert "Tried 3 times" in error.message, "what was not accepted is tried again inside the call"


def test_an_unknown_host_name_proves_that_nothing_was_accepted(carrier: Carrier) -> None:
    with pytest.raises(DreamboothTransientError, match="cannot be resolved") as caught:
        carrier.to("http://no-such-host.invalid").send(paid(), policy=ONCE)
    assert caught.value.acceptance is Acceptance.NO


def test_an_untrusted_certificate_proves_that_nothing_was_accepted(
    carrier: Carrier, serve: Serve, tls: ssl.SSLContext
) -> None:
    server = serve(STARTED, tls=tls)
    with pytest.raises(
        DreamboothTransientError, match=r"certificate of .* is not trusted .*'verify'"
    ) as caught:
        carrier.to(server.url).send(paid(), policy=ONCE)
    assert caught.value.acceptance is Acceptance.NO
    assert server.requests == []


def test_https_to_a_plain_server_proves_that_nothing_was_accepted(carrier: Carrier, serve: Serve) -> None:
    server = serve(STARTED)
    with pytest.raises(DreamboothTransientError, match="No TLS connection") as caught:
        carrier.to(server.url.replace("http:", "https:")).send(paid(), policy=ONCE)
    assert caught.value.acceptance is Acceptance.NO


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")  # it is what verify=false asks for
@pytest.mark.parametrize("verify", ["bundle", "off"])
def test_the_connection_says_which_certificates_to_trust(
    carrier: Carrier, serve: Serve, tls: ssl.SSLContext, certificate: Path, verify: str
) -> None:
    server = serve(RUNNING, tls=tls)
    carrier.to(server.url, verify=str(certificate) if verify == "bundle" else False)
    assert carrier.send(STATUS).stage == "training_started"


def test_a_cut_tls_connection_leaves_a_paid_call_open(
    carrier: Carrier, serve: Serve, tls: ssl.SSLContext, certificate: Path
) -> None:
    server = serve(Reply(cut=True), tls=tls)
    with pytest.raises(DreamboothTransientError) as caught:
        carrier.to(server.url, verify=str(certificate)).send(paid())
    assert caught.value.acceptance is Acceptance.UNKNOWN


@pytest.mark.parametrize("named", ["body", "header", "date"])
def test_a_read_waits_as_long_as_the_service_asks(
    carrier: Carrier, serve: Serve, clock: Clock, named: str
) -> None:
    limited = {"status": "error", "message": "Rate limit exceeded. Maximum 5 queued requests allowed."}
    reply = {
        "body": document({**limited, "retry_after": 30}, 429),
        "header": document(limited, 429, Retry_After="30"),
        "date": document(limited, 429, Retry_After="Wed, 21 Oct 2099 07:28:00 GMT"),
    }[named]
    server = serve(reply, RUNNING)
    carrier.to(server.url)
    if named == "date":
        with pytest.raises(DreamboothRateLimitError) as caught:
            carrier.send(STATUS)
        assert caught.value.retry_after == 600, "a date far away counts as ten minutes, which no call waits"
        return
    assert carrier.send(STATUS).stage == "training_started"
    assert 30 <= clock.now - 1000 < 40


def test_a_rate_limit_on_a_paid_call_is_raised_for_the_operator_to_wait(
    carrier: Carrier, serve: Serve, clock: Clock
) -> None:
    server = serve(
        document({"status": "error", "message": "Maximum 5 queued requests allowed", "retry_after": 30}, 429)
    )
    with pytest.raises(DreamboothRateLimitError) as caught:
        carrier.to(server.url).send(paid())
    assert caught.value.acceptance is Acceptance.NO
    assert caught.value.retry_after == 30
    assert clock.slept == []


def test_the_other_spelling_is_tried_when_the_route_is_missing(carrier: Carrier, serve: Serve) -> None:
    def cancel(request: Any, _: int) -> Reply:
        if "cancle" in request.path:
            return Reply(404, b"<html>Not Found</html>")
        return document({"status": "success", "messege": "cancelled"})

    server = serve(cancel)
    assert carrier.to(server.url).send(training_calls.cancel("F5jvdzGnYi")).message == "cancelled"
    assert [request.path for request in server.requests] == [
        "/api/v3/cancle_training/F5jvdzGnYi",
        "/api/v3/cancel_training/F5jvdzGnYi",
    ]


def test_an_unknown_training_is_no_missing_route(carrier: Carrier, serve: Serve) -> None:
    server = serve(document({"status": "error", "messege": "training not found"}, 404))
    with pytest.raises(DreamboothNotFoundError):
        carrier.to(server.url).send(training_calls.cancel("F5jvdzGnYi"))
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_on_the_same_host_gets_the_same_post(carrier: Carrier, serve: Serve, status: int) -> None:
    server = serve(Reply(status, headers={"Location": "/api/v3/elsewhere"}), STARTED)
    carrier.to(server.url).send(paid())
    assert [(request.method, request.path) for request in server.requests] == [
        ("POST", "/api/v3/fine_tune"),
        ("POST", "/api/v3/elsewhere"),
    ]
    assert server.requests[1].body == server.requests[0].body


def test_the_key_does_not_follow_a_redirect_to_another_host(carrier: Carrier, serve: Serve) -> None:
    other = serve(STARTED)
    server = serve(Reply(307, headers={"Location": f"{other.url}/api/v3/fine_tune"}))
    with pytest.raises(DreamboothValidationError, match=rf"{other.url}.*connection's host"):
        carrier.to(server.url).send(paid())
    assert other.requests == []


def test_a_post_never_becomes_a_get(carrier: Carrier, serve: Serve) -> None:
    server = serve(Reply(303, headers={"Location": "/api/v3/elsewhere"}), STARTED)
    with pytest.raises(DreamboothValidationError) as caught:
        carrier.to(server.url).send(paid())
    assert caught.value.acceptance is Acceptance.UNKNOWN
    assert len(server.requests) == 1


def test_redirects_in_a_circle_end(carrier: Carrier, serve: Serve) -> None:
    server = serve(Reply(307, headers={"Location": "/api/v3/fine_tune"}))
    with pytest.raises(DreamboothValidationError, match="more than 3 times"):
        carrier.to(server.url).send(paid())
    assert len(server.requests) == 4


def _everything_in(error: BaseException) -> str:
    seen: list[str] = []
    waiting: list[Any] = [error]
    while waiting:
        part = waiting.pop()
        if part is None:
            continue
        seen += [repr(part), str(part), repr(vars(part))]
        waiting += [part.__cause__, part.__context__]
        request = getattr(part, "request", None)
        seen.append(repr(getattr(request, "body", "")))
    return " ".join(seen)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(cut=True),
        Reply(half=True, body=b"{}" * 50),
        Reply(302, headers={"Location": f"https://elsewhere.example/{KEY}"}),
        document({"status": "error", "message": f"no such key {KEY}"}),
        Reply(502, f"<html>request was: {KEY}</html>".encode()),
    ],
    ids=["cut", "half", "redirect", "echo", "echo in html"],
)
def test_no_error_holds_the_key(
    carrier: Carrier, serve: Serve, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(DreamboothError) as caught:
        carrier.to(serve(reply).url).send(paid())
    assert KEY not in _everything_in(caught.value)
    assert KEY not in caplog.text


def test_a_key_that_a_server_echoes_does_not_reach_the_result(carrier: Carrier, serve: Serve) -> None:
    server = serve(document({"status": "success", "training_id": "F5jvdzGnYi", "request": {"key": KEY}}))
    assert carrier.to(server.url).send(paid())["request"] == {"key": "***"}


def test_a_poll_logs_nothing_above_debug_and_no_body(
    carrier: Carrier, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="airflow_provider_dreambooth")
    carrier.to(serve(RUNNING).url).send(STATUS)
    ours = [record for record in caplog.records if record.name.startswith("airflow_provider_dreambooth")]
    assert {record.levelno for record in ours} == {logging.DEBUG}
    assert "fine_tune_status/F5jvdzGnYi: HTTP 200" in caplog.text
    assert "training_started" not in caplog.text


def test_nothing_is_left_open(carrier: Carrier, serve: Serve, recwarn: pytest.WarningsRecorder) -> None:
    # What earlier tests left behind is not meant.
    gc.collect()
    recwarn.clear()
    carrier.to(serve(RUNNING).url).send(STATUS)
    gc.collect()
    assert [str(warning.message) for warning in recwarn if warning.category is ResourceWarning] == []
