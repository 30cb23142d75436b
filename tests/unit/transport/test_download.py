# SPDX-License-Identifier: Apache-2.0
"""Fetching files, on a worker."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.exceptions import (
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from tests.unit.transport.conftest import KEY, Carrier, Clock, Serve
from tests.unit.transport.small_server import Reply


@pytest.fixture
def carrier(clock: Clock) -> Carrier:
    return Carrier("blocking", clock)


PICTURE = Reply(200, b"\x89PNG" + b"x" * 5000, {"Content-Type": "image/png"})


def test_the_picture_comes_without_the_key(carrier: Carrier, serve: Serve) -> None:
    server = serve(PICTURE)
    assert carrier.to(server.url).download(f"{server.url}/generations/0.png") == PICTURE.body
    (request,) = server.requests
    assert (request.method, request.path, request.body) == ("GET", "/generations/0.png", b"")
    assert KEY not in str(request.headers)


def test_a_link_that_is_not_alive_yet_is_waited_for(carrier: Carrier, serve: Serve, clock: Clock) -> None:
    server = serve(Reply(404), Reply(403), Reply(503), Reply(cut=True), PICTURE)
    assert carrier.to(server.url).download(f"{server.url}/0.png") == PICTURE.body
    assert len(server.requests) == 5
    assert clock.slept


def test_a_link_that_stays_dead_ends_after_a_minute(carrier: Carrier, serve: Serve, clock: Clock) -> None:
    server = serve(Reply(404))
    with pytest.raises(
        DreamboothTransientError, match=r"/0.png is not there \(HTTP 404\).*render again.* Tried"
    ):
        carrier.to(server.url).download(f"{server.url}/0.png?signature=abc")
    assert 20 < clock.now - 1000 <= 60


def test_a_link_that_has_ended_is_not_tried_again(carrier: Carrier, serve: Serve) -> None:
    server = serve(Reply(410))
    with pytest.raises(DreamboothNotFoundError):
        carrier.to(server.url).download(f"{server.url}/0.png")
    assert len(server.requests) == 1


def test_half_a_picture_is_no_picture(carrier: Carrier, serve: Serve) -> None:
    server = serve(Reply(200, PICTURE.body, half=True), PICTURE)
    assert carrier.to(server.url).download(f"{server.url}/0.png") == PICTURE.body


@pytest.mark.parametrize("announced", [True, False])
def test_a_picture_beyond_the_limit_is_refused(carrier: Carrier, serve: Serve, announced: bool) -> None:
    chunked = b"1388\r\n" + b"x" * 5000 + b"\r\n0\r\n\r\n"
    reply = (
        PICTURE if announced else Reply(200, chunked, {"Transfer-Encoding": "chunked", "Content-Length": ""})
    )
    server = serve(reply)
    with pytest.raises(DreamboothValidationError, match="larger than"):
        carrier.to(server.url).download(f"{server.url}/0.png", limit=1000)
    assert len(server.requests) == 1


def test_a_redirect_to_a_store_is_followed(carrier: Carrier, serve: Serve) -> None:
    store = serve(PICTURE)
    server = serve(Reply(302, headers={"Location": f"{store.url}/there.png"}))
    assert carrier.to(server.url).download(f"{server.url}/0.png") == PICTURE.body


@pytest.mark.parametrize("link", ["file:///etc/passwd", "ftp://example.org/a.png", "no link", "http://"])
def test_only_web_links_are_fetched(carrier: Carrier, link: str) -> None:
    with pytest.raises(DreamboothValidationError, match="no link"):
        carrier.download(link)
