# SPDX-License-Identifier: Apache-2.0
"""Bad answers, bad neighbours and bad setups, by both transports: bounded, told in words, and never dropped for a header."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import signal
import ssl
import threading
import traceback
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_dreambooth.api import training_calls
from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothError,
    DreamboothRateLimitError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.transport.reply import LARGEST_ANSWER
from airflow_provider_dreambooth.transport.retry import ONCE
from tests.unit.transport.conftest import KEY, Carrier, Clock, Serve
from tests.unit.transport.small_server import RUNNING, STARTED, Reply, document
from tests.unit.transport.test_send import free_port, paid

STATUS = training_calls.status("F5jvdzGnYi", Environment.SANDBOX)
ANSWER = {"status": "success", "training_id": "F5jvdzGnYi"}
CONTENT = json.dumps(ANSWER).encode()


def refused(carrier: Carrier, **options: Any) -> DreamboothError:
    """Send a paid call and return its error."""
    with pytest.raises(DreamboothError) as caught:
        carrier.send(paid(), policy=ONCE, **options)
    assert type(caught.value).__module__.startswith("airflow_provider_dreambooth.")
    return caught.value


def not_accepted(carrier: Carrier) -> str:
    error = refused(carrier)
    assert isinstance(error, DreamboothTransientError)
    assert error.acceptance is Acceptance.NO
    assert "nothing was accepted or charged" in error.message
    return error.message


# --- size and time


@pytest.mark.parametrize("encoding", ["identity", "gzip", "deflate"])
def test_an_answer_beyond_the_limit_is_not_read_to_its_end(
    carrier: Carrier, serve: Serve, encoding: str
) -> None:
    content = b'{"status": "success", "x": "' + b"x" * LARGEST_ANSWER + b'"}'
    body = {"identity": content, "gzip": gzip.compress(content), "deflate": zlib.compress(content)}[encoding]
    error = refused(carrier.to(serve(Reply(200, body, {"Content-Encoding": encoding})).url))
    assert "with more than 8 MB" in error.message
    assert error.acceptance is Acceptance.UNKNOWN


def test_an_encoded_answer_is_read(carrier: Carrier, serve: Serve) -> None:
    server = serve(Reply(200, gzip.compress(CONTENT), {"Content-Encoding": "gzip"}))
    assert carrier.to(server.url).send(paid()) == ANSWER
    assert server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "head",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"],
    ids=["headers", "body"],
)
def test_a_slow_drip_ends_with_the_time_out(carrier: Carrier, serve: Serve, head: bytes) -> None:
    drip = head[:0] + (
        b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 500 if not head else head + b'{"a": "' + b"x" * 400
    )
    server = serve(Reply(drip=drip, pause=0.05 if not head else 0.02))
    error = refused(carrier.to(server.url, timeout=0.6))
    assert "did not answer the call about a new training within 0.6 s" in error.message
    assert error.acceptance is Acceptance.UNKNOWN


def test_a_slow_drip_over_tls_ends_with_the_time_out(
    carrier: Carrier, serve: Serve, tls: ssl.SSLContext, certificate: Path
) -> None:
    server = serve(Reply(drip=b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 500, pause=0.05), tls=tls)
    error = refused(carrier.to(server.url, timeout=0.6, verify=str(certificate)))
    assert "within 0.6 s" in error.message


# --- headers that lie


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Length": str(len(CONTENT) + 50), "Connection": "close"},
        {"Content-Encoding": "gzip"},
        {"Content-Encoding": "br"},
        {"Content-Type": "text/html; charset=no-such-charset"},
        {"Location": "http://[::1"},
        {"Retry-After": "Wed, 21 Oct 99999999999999 07:28:00 GMT"},
        {"Retry-After": "-1e999"},
        {"Set-Cookie": "=;;;\x7f; expires=never; path"},
        {"X-Odd": "\u00fc\u00df"},
        {"Date": "yesterday"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_a_good_paid_answer_is_not_dropped_for_a_bad_header(
    carrier: Carrier, serve: Serve, headers: dict[str, str]
) -> None:
    close = headers.get("Connection") == "close"
    server = serve(Reply(200, CONTENT, headers, close=close))
    assert carrier.to(server.url, timeout=2.0).send(paid()) == ANSWER


@pytest.mark.parametrize(
    "before", [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n", b"HTTP/1.1 102 Processing\r\n\r\n" * 3]
)
def test_what_a_server_says_before_its_answer_is_passed_over(
    carrier: Carrier, serve: Serve, before: bytes
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(CONTENT), CONTENT)
    server = serve(Reply(drip=before + answer, pause=0.0))
    assert carrier.to(server.url).send(paid(), policy=ONCE) == ANSWER


def test_a_long_header_is_read_by_worker_and_triggerer(carrier: Carrier, serve: Serve) -> None:
    server = serve(Reply(200, CONTENT, {"Set-Cookie": "a" * 40_000}))
    assert carrier.to(server.url).send(paid(), policy=ONCE) == ANSWER


@pytest.mark.parametrize("lengths", ["70, 71", "5\r\nContent-Length: 700", "70\r\nContent-Length: x"])
@pytest.mark.parametrize("closes", [True, False])
def test_a_good_paid_answer_is_not_dropped_for_lengths_that_contradict_each_other(
    clock: Clock, serve: Serve, lengths: str, closes: bool
) -> None:
    # Paid calls are made by workers alone.
    server = serve(Reply(200, CONTENT, {"Content-Length": lengths}, close=closes))
    assert Carrier("blocking", clock).to(server.url, timeout=1.0).send(paid()) == ANSWER
    assert len(server.requests) == 1


@pytest.mark.parametrize("location", ["http://[::1", "http://host:port/", "//", "\\\\", "http://a b/"])
def test_a_redirect_to_an_invalid_address_is_an_error_in_words(
    carrier: Carrier, serve: Serve, location: str
) -> None:
    error = refused(carrier.to(serve(Reply(307, headers={"Location": location})).url))
    assert isinstance(error, DreamboothValidationError | DreamboothTransientError)
    assert "redirects" in error.message


def test_an_absurd_wish_to_wait_counts_as_ten_minutes(carrier: Carrier, serve: Serve) -> None:
    full = {"status": "error", "message": "Maximum 5 queued requests allowed"}
    for reply in (document({**full, "retry_after": 1e308}, 429), document(full, 429, Retry_After="9" * 40)):
        carrier.limit = None
        error = refused(carrier.to(serve(reply).url))
        assert isinstance(error, DreamboothRateLimitError)
        assert error.retry_after == 600.0


def test_a_broken_server_that_asks_for_a_day_counts_as_ten_minutes(carrier: Carrier, serve: Serve) -> None:
    error = refused(
        carrier.to(serve(document({"status": "error", "message": "?", "retry_after": 86_400}, 503)).url)
    )
    assert isinstance(error, DreamboothTransientError)
    assert error.retry_after == 600.0


# --- the account's pause


def test_a_call_does_not_sleep_through_a_pause_that_is_longer_than_its_patience(
    carrier: Carrier, serve: Serve, clock: Clock
) -> None:
    full = document(
        {"status": "error", "message": "Maximum 5 queued requests allowed", "retry_after": 300}, 429
    )
    server = serve(full, RUNNING)
    carrier.to(server.url)
    for _ in range(2):
        with pytest.raises(DreamboothRateLimitError) as caught:
            carrier.send(STATUS)
    assert caught.value.retry_after is not None
    assert 290 < caught.value.retry_after <= 330
    assert "was not sent" in caught.value.message
    assert len(server.requests) == 1
    assert clock.slept == []


def test_the_filter_for_repeated_requests_does_not_keep_other_calls_waiting(
    carrier: Carrier, serve: Serve, clock: Clock
) -> None:
    same = document({"status": "error", "message": "Rate limit exceeded", "tips": "wait for 30 seconds"})
    server = serve(same, RUNNING)
    carrier.to(server.url)
    with pytest.raises(DreamboothRateLimitError) as caught:
        carrier.send(STATUS, policy=ONCE)
    assert caught.value.retry_after == 30.0
    assert carrier.send(STATUS, policy=ONCE).stage == "training_started"
    assert clock.slept == []


# --- what never left the machine


def test_a_ca_bundle_that_is_gone(carrier: Carrier, serve: Serve, tls: ssl.SSLContext) -> None:
    server = serve(STARTED, tls=tls)
    error = refused(carrier.to(server.url, verify="/no/such/bundle.pem"))
    assert error.acceptance is Acceptance.NO
    assert "'/no/such/bundle.pem' of the connection's 'verify'" in error.message
    assert server.requests == []


def test_a_ca_bundle_of_the_environment_that_is_gone(
    carrier: Carrier, serve: Serve, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such/bundle.pem")
    error = refused(carrier.to(serve(STARTED, tls=tls).url))
    assert error.acceptance is Acceptance.NO
    assert "of the environment variable REQUESTS_CA_BUNDLE" in error.message


@pytest.mark.parametrize(
    "proxy", ["http://", "http://:3128", "http://proxy:99999", "gopher://proxy:70", "http://[::1"]
)
def test_an_invalid_proxy(
    carrier: Carrier, serve: Serve, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    server = serve(STARTED)
    message = not_accepted(carrier.to(server.url))
    assert "HTTP_PROXY" in message
    assert server.requests == []


@pytest.mark.parametrize("scheme", ["http://", "", "https://"])
def test_a_dead_proxy_is_named(
    carrier: Carrier, serve: Serve, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    port = free_port()
    monkeypatch.setenv("HTTP_PROXY", f"{scheme}user:pass-word@127.0.0.1:{port}")
    server = serve(STARTED)
    message = not_accepted(carrier.to(server.url))
    assert f"The proxy {scheme or 'http://'}127.0.0.1:{port} refused the connection" in message
    assert "pass-word" not in message
    assert server.requests == []


@pytest.mark.parametrize("reply", [Reply(403), Reply(407), Reply(502)], ids=["403", "407", "502"])
def test_a_proxy_that_refuses_the_tunnel_is_named(
    carrier: Carrier, serve: Serve, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    proxy = serve(reply)
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    message = not_accepted(carrier.to("https://service.invalid"))
    assert (
        f"The proxy {proxy.url} made no connection to service.invalid: it answered {reply.status}" in message
    )
    assert all(KEY.encode() not in request.body for request in proxy.requests)


def test_a_proxy_that_hangs_up_before_the_tunnel_is_open_is_named(
    carrier: Carrier, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(Reply(cut=True))
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    assert f"The proxy {proxy.url}" in not_accepted(carrier.to("https://service.invalid"))


def test_a_proxy_that_wants_a_password_is_named(
    carrier: Carrier, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(Reply(407, b"<html>"))
    monkeypatch.setenv("http_proxy", proxy.url)
    message = not_accepted(carrier.to("http://service.invalid"))
    assert f"The proxy {proxy.url} wants a user and a password" in message


@pytest.mark.parametrize("scheme", ["socks5h", "SOCKS5h"])
def test_a_socks_proxy_without_its_package_is_no_lost_answer(
    carrier: Carrier, serve: Serve, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    def without_package(*args: Any, **options: Any) -> Any:
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr("requests.adapters.SOCKSProxyManager", without_package)
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://127.0.0.1:1080")
    server = serve(STARTED)
    message = not_accepted(carrier.to(server.url))
    assert "socks5h://127.0.0.1:1080 speaks SOCKS" in message
    assert "pip install 'requests[socks]'" in message
    assert server.requests == []


# --- which proxy is taken


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_the_environment_names_the_proxy(
    carrier: Carrier, serve: Serve, monkeypatch: pytest.MonkeyPatch, variable: str, scheme: str
) -> None:
    proxy = serve(STARTED)
    monkeypatch.setenv(variable, f"{scheme}127.0.0.1:{proxy.port}")
    assert carrier.to("http://service.invalid").send(paid())["training_id"] == "F5jvdzGnYi"
    assert [request.path for request in proxy.requests] == ["http://service.invalid/api/v3/fine_tune"]


@pytest.mark.parametrize(
    ("host", "exceptions", "direct"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "*", True),
        ("127.0.0.1", "example.org, 127.0.0.0/8", True),
        ("127.0.0.1", "10.0.0.0/8", False),
        ("localhost", ".localhost", True),
        ("localhost", "localhost:{port}", True),
        ("localhost", "localhost:1", False),
        ("localhost", "example.org", False),
    ],
)
def test_no_proxy_means_what_it_means_to_requests(
    carrier: Carrier, serve: Serve, monkeypatch: pytest.MonkeyPatch, host: str, exceptions: str, direct: bool
) -> None:
    server, proxy = serve(STARTED), serve(STARTED)
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    monkeypatch.setenv("NO_PROXY", exceptions.format(port=server.port))
    carrier.to(f"http://{host}:{server.port}").send(paid())
    assert (len(server.requests), len(proxy.requests)) == ((1, 0) if direct else (0, 1))


# --- the key


@pytest.mark.parametrize(
    "reply",
    [
        None,
        Reply(cut=True),
        Reply(half=True, body=json.dumps({"echo": [KEY] * 3}).encode()),
        document({"status": "error", "message": f"no such key {KEY}"}, 401),
        document({"status": "error", "message": "prompt is required", "echo": KEY}, 422),
        Reply(500, f"<html>request was: {KEY}</html>".encode()),
    ],
    ids=["refused", "cut", "half", "401", "422", "500"],
)
def test_no_local_variable_shows_the_key(carrier: Carrier, serve: Serve, reply: Reply | None) -> None:
    url = serve(reply).url if reply else f"http://127.0.0.1:{free_port()}"
    report = report_of(carrier.to(url))
    assert "exchange.py" in report
    assert KEY not in report


def report_of(carrier: Carrier) -> str:
    """What a collector of local variables sees of a failed call."""
    try:
        carrier.send(paid(), policy=ONCE)
    except DreamboothError as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    raise AssertionError("the call did not fail")


@pytest.fixture
def own_event_loop() -> Iterator[None]:
    """Python's own event loop: uvloop, which some Airflows switch on, drops what a signal handler raises."""
    before = asyncio.get_event_loop_policy()
    asyncio.set_event_loop_policy(None)
    yield
    asyncio.set_event_loop_policy(before)


@pytest.mark.usefixtures("own_event_loop")
def test_a_task_that_is_stopped_while_it_waits_for_the_answer_shows_no_key(
    carrier: Carrier, serve: Serve
) -> None:
    class Stopped(BaseException):
        """As a time-out of the task, raised by a signal handler."""

    def interrupt(number: int, frame: Any) -> None:
        raise Stopped

    def stop(request: Any, earlier: int) -> Reply:
        # A moment later the caller does nothing but wait for the answer.
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGALRM)).start()
        return Reply(hold=True)

    carrier.to(serve(stop).url, timeout=60.0)
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        carrier.send(paid())
    except Stopped as stopped:
        report = "".join(traceback.TracebackException.from_exception(stopped, capture_locals=True).format())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert "conftest.py" in report
    assert KEY not in report


@pytest.mark.parametrize("spelling", [KEY.replace("k", "\\u006b"), KEY.replace("k", "%6B", 3), KEY])
def test_a_key_that_a_server_echoes_escaped_does_not_reach_the_result(
    carrier: Carrier, serve: Serve, spelling: str
) -> None:
    body = b'{"status": "success", "link": "https://cdn.example/?key=' + spelling.encode() + b'"}'
    assert carrier.to(serve(Reply(200, body)).url).send(paid())["link"] == "https://cdn.example/?key=***"
