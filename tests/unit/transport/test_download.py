# SPDX-License-Identifier: Apache-2.0
"""Fetching what links lead to: results of the service, and images that somebody else serves."""

from __future__ import annotations

import gzip
import socket
import traceback
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import (
    DreamboothNotFoundError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.transport import download
from airflow_provider_dreambooth.transport.download import Download, NotFetchedError
from tests.unit.transport.conftest import KEY, Clock, Serve
from tests.unit.transport.small_server import Reply, SmallServer

IMAGE = Reply(200, b"\x89PNG" + b"x" * 5000, {"Content-Type": "image/png"})


def downloads(clock: Clock | None = None, *, allow_private: bool = True, timeout: float = 5.0) -> Download:
    clock = clock or Clock()
    settings = ConnectionSettings(api_key=KEY, timeout=timeout)
    return Download(settings, allow_private=allow_private, clock=clock, sleep=clock.sleep)


def fetched(link: str, *, limit: int = 1 << 20, **arguments: Any) -> bytes:
    with downloads(**arguments).fetch(link, limit=limit) as file:
        return file.read()


def under(server: SmallServer, host: str) -> str:
    return f"http://{host}:{server.port}/1.png"


def redirect(target: str) -> Reply:
    return Reply(302, headers={"Location": target})


def test_what_is_behind_a_link_is_returned_and_the_key_stays_here(serve: Serve) -> None:
    server = serve(IMAGE)
    assert fetched(f"{server.url}/1.png") == downloads().fetch_result(f"{server.url}/1.png") == IMAGE.body
    assert [(request.method, request.path, request.body) for request in server.requests] == [
        ("GET", "/1.png", b"")
    ] * 2
    assert KEY not in str(server.requests)


class TestResults:
    def test_a_link_that_does_not_work_yet_is_waited_for(self, serve: Serve, clock: Clock) -> None:
        server = serve(Reply(404), Reply(403), Reply(503), Reply(cut=True), IMAGE)
        assert downloads(clock).fetch_result(f"{server.url}/0.png") == IMAGE.body
        assert len(server.requests) == 5
        assert clock.slept

    def test_a_link_that_stays_dead_ends_after_a_minute(self, serve: Serve, clock: Clock) -> None:
        server = serve(Reply(404))
        with pytest.raises(
            DreamboothTransientError, match=r"/0.png answers HTTP 404\..*render again.* Tried"
        ):
            downloads(clock).fetch_result(f"{server.url}/0.png?signature=abc")
        assert 20 < clock.now - 1000 <= 60

    def test_a_link_that_has_ended_is_not_tried_again(self, serve: Serve) -> None:
        server = serve(Reply(410))
        with pytest.raises(DreamboothNotFoundError):
            downloads().fetch_result(f"{server.url}/0.png")
        assert len(server.requests) == 1

    def test_half_an_image_is_no_image(self, serve: Serve) -> None:
        server = serve(Reply(200, IMAGE.body, half=True), IMAGE)
        assert downloads().fetch_result(f"{server.url}/0.png") == IMAGE.body

    @pytest.mark.parametrize("announced", [True, False])
    def test_a_file_beyond_the_limit_is_refused(self, serve: Serve, announced: bool) -> None:
        chunked = b"1388\r\n" + b"x" * 5000 + b"\r\n0\r\n\r\n"
        in_chunks = Reply(200, chunked, {"Transfer-Encoding": "chunked", "Content-Length": ""})
        server = serve(IMAGE if announced else in_chunks)
        with pytest.raises(DreamboothValidationError, match="has more than"):
            downloads().fetch_result(f"{server.url}/0.png", limit=1000)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("link", ["file:///etc/passwd", "ftp://example.org/a.png", "no link", "http://"])
    def test_only_web_links_are_fetched(self, link: str) -> None:
        with pytest.raises(DreamboothValidationError, match="no link"):
            downloads().fetch_result(link)

    def test_a_result_of_a_public_service_does_not_lead_into_a_private_network(self, serve: Serve) -> None:
        server = serve(IMAGE)
        with pytest.raises(DreamboothValidationError, match=r"leads to 127\.0\.0\.1, which is not"):
            downloads(allow_private=False).fetch_result(f"{server.url}/0.png")
        assert server.requests == []

    def test_a_proxy_that_refuses_is_named(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            proxy = f"http://127.0.0.1:{unused.getsockname()[1]}"
            monkeypatch.setenv("http_proxy", proxy)
            with pytest.raises(DreamboothTransientError, match=f"The proxy {proxy} refused the connection"):
                downloads().fetch_result("http://results.example/0.png")

    def test_a_proxy_that_wants_a_password_is_named(
        self, serve: Serve, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        proxy = serve(Reply(407)).url
        monkeypatch.setenv("http_proxy", proxy)
        with pytest.raises(DreamboothTransientError, match=f"the proxy {proxy} wants a user and a password"):
            downloads().fetch_result("http://results.example/0.png")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "localhost"])
def test_no_spelling_of_a_private_address_is_connected_to(serve: Serve, host: str) -> None:
    server = serve(IMAGE)
    with pytest.raises(
        NotFetchedError, match=r"leads to (127\.0\.0\.1|::1), which is not an address"
    ) as caught:
        fetched(under(server, host), allow_private=False)
    assert caught.value.certain
    assert server.requests == []


def test_a_name_that_stands_for_a_private_address_is_not_connected_to(
    serve: Serve, mocker: MockerFixture
) -> None:
    server = serve(IMAGE)
    mocker.patch.object(download, "addresses_of", return_value=["8.8.8.8", "127.0.0.1"])
    with pytest.raises(NotFetchedError, match=r"leads to 127\.0\.0\.1"):
        fetched(under(server, "rebinding.example"), allow_private=False)
    assert server.requests == []


def test_the_address_that_was_checked_is_the_one_connected_to(serve: Serve, mocker: MockerFixture) -> None:
    server = serve(IMAGE)
    # A second question to the name server, whose answer could be another one, is not asked.
    resolve = mocker.patch.object(download, "addresses_of", return_value=["127.0.0.1"])
    assert fetched(under(server, "only-once.example")) == IMAGE.body
    resolve.assert_called_once()
    assert server.requests[0].headers["host"] == f"only-once.example:{server.port}"


def test_a_host_with_a_dead_address_is_reached_at_its_next_one(serve: Serve, mocker: MockerFixture) -> None:
    server = serve(IMAGE)
    mocker.patch.object(download, "addresses_of", return_value=["127.0.0.2", "::1", "127.0.0.1"])
    assert fetched(under(server, "several.example")) == IMAGE.body


def test_a_redirect_to_a_private_address_is_not_followed(serve: Serve, mocker: MockerFixture) -> None:
    server = serve(redirect("http://inside.example/1.png"))
    names = {"inside.example": ["10.0.0.5"], "outside.example": ["8.8.8.8"]}
    mocker.patch.object(download, "addresses_of", side_effect=lambda host, port: names[host])
    real = Download._addresses

    def leads_here(self: Download, host: str, port: int | None) -> list[str]:
        # The public address is checked, and this server stands in for it.
        return ["127.0.0.1" for _ in real(self, host, port)]

    mocker.patch.object(Download, "_addresses", leads_here)
    with pytest.raises(NotFetchedError, match=r"leads to 10\.0\.0\.5"):
        fetched(under(server, "outside.example"), allow_private=False)
    assert len(server.requests) == 1


@pytest.mark.parametrize("absolute", [True, False])
def test_a_redirect_is_followed_where_it_may_lead(serve: Serve, absolute: bool) -> None:
    store = serve(IMAGE)
    server = serve(redirect(f"{store.url}/there.png" if absolute else "/there.png"), IMAGE)
    assert fetched(f"{server.url}/away") == IMAGE.body


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/1.png", "http://[", "http://a:99999/"]
)
def test_a_redirect_to_anything_but_a_web_address_is_an_error(serve: Serve, target: str) -> None:
    with pytest.raises(NotFetchedError, match="no web address"):
        fetched(f"{serve(redirect(target)).url}/away")


def test_a_circle_of_redirects_ends(serve: Serve) -> None:
    with pytest.raises(NotFetchedError, match="redirected more than 5 times"):
        fetched(f"{serve(redirect('/away')).url}/away")


def test_a_body_beyond_the_limit_is_not_read_to_its_end(serve: Serve) -> None:
    server = serve(Reply(endless=True))
    with pytest.raises(NotFetchedError, match="has more than 2 MB"):
        fetched(f"{server.url}/endless", limit=2 * 1024 * 1024)
    assert server.endless_bytes < 100 * 1024 * 1024


def test_a_packed_body_is_unpacked_within_the_limit(serve: Serve) -> None:
    server = serve(
        Reply(200, gzip.compress(IMAGE.body), {"Content-Encoding": "gzip"}),
        Reply(200, gzip.compress(b"x" * 50_000_000), {"Content-Encoding": "gzip"}),
    )
    assert fetched(f"{server.url}/1.png") == IMAGE.body
    with pytest.raises(NotFetchedError, match="has more than 1 MB"):
        fetched(f"{server.url}/2.png")


@pytest.mark.parametrize("in_headers", [True, False])
def test_a_server_that_sends_a_byte_now_and_then_is_cut_off(serve: Serve, in_headers: bool) -> None:
    drip = b"HTTP/1.1 200 OK\r\n" + (b"X-Drip: " if in_headers else b"\r\n") + b"x" * 10_000
    server = serve(Reply(drip=drip, pause=0.02))
    with pytest.raises(NotFetchedError, match="is too slow"):
        fetched(f"{server.url}/drip", timeout=0.1)
    assert len(server.requests) == 2


@pytest.mark.parametrize(("status", "transient"), [(404, False), (403, False), (503, True), (429, True)])
def test_a_server_that_stumbles_is_asked_twice(serve: Serve, status: int, transient: bool) -> None:
    server = serve(Reply(status))
    with pytest.raises(NotFetchedError) as caught:
        fetched(f"{server.url}/1.png")
    assert (caught.value.status, len(server.requests)) == (status, 2 if transient else 1)


def test_no_error_quotes_the_signature_of_a_link() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        link = f"http://127.0.0.1:{unused.getsockname()[1]}/1.png?X-Amz-Signature=s3cret"
        with pytest.raises(NotFetchedError, match="cannot be reached from this worker") as caught:
            fetched(link)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_behind_a_proxy_an_address_that_is_known_to_be_private_is_refused(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(IMAGE)
    monkeypatch.setenv("http_proxy", proxy.url)
    with pytest.raises(NotFetchedError, match=r"leads to 10\.0\.0\.5"):
        fetched("http://10.0.0.5/1.png", allow_private=False)
    assert proxy.requests == []


def test_behind_a_proxy_the_proxy_itself_may_be_private(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = serve(IMAGE)
    monkeypatch.setenv("http_proxy", proxy.url)
    assert fetched("http://8.8.8.8/1.png", allow_private=False) == IMAGE.body
    assert proxy.requests[0].path == "http://8.8.8.8/1.png"
