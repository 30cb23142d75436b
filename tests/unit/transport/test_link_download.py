# SPDX-License-Identifier: Apache-2.0
"""Fetching links that somebody else wrote."""

from __future__ import annotations

import gzip
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.transport import link_download
from airflow_provider_dreambooth.transport.checked_session import CheckedSession
from airflow_provider_dreambooth.transport.link_download import LinkDownload, NotFetchedError

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """A server whose paths do what a test says."""

    def __init__(self) -> None:
        self.paths: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.headers.append(dict(self.headers))
                outer.paths[self.path.partition("?")[0]](self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    running = Server()
    running.paths["/1.png"] = says(b"an image")
    yield running
    running.close()


def says(body: bytes, status: int = 200, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def settings(timeout: float = 5.0) -> ConnectionSettings:
    return ConnectionSettings(
        base_url="http://127.0.0.1:1", api_key="the-secret-key-of-the-account", timeout=timeout
    )


def download(*, allow_private: bool = True, timeout: float = 5.0) -> LinkDownload:
    return LinkDownload(settings(timeout), allow_private=allow_private, sleep=lambda seconds: None)


def fetched(link: str, *, limit: int = 1 << 20, **arguments: Any) -> bytes:
    with download(**arguments).fetch(link, limit=limit) as file:
        return file.read()


def test_what_is_behind_a_link_is_returned_and_the_key_stays_here(server: Server) -> None:
    assert fetched(server.url("/1.png")) == b"an image"
    assert "the-secret-key" not in str(server.headers)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "localhost"])
def test_no_spelling_of_a_private_address_is_connected_to(server: Server, host: str) -> None:
    with pytest.raises(
        NotFetchedError, match=r"leads to (127\.0\.0\.1|::1), which is not an address"
    ) as caught:
        fetched(server.url("/1.png", host), allow_private=False)
    assert caught.value.certain
    assert server.asked == []


def test_a_name_that_stands_for_a_private_address_is_not_connected_to(
    server: Server, mocker: MockerFixture
) -> None:
    mocker.patch.object(link_download, "addresses_of", return_value=["8.8.8.8", "127.0.0.1"])
    with pytest.raises(NotFetchedError, match=r"leads to 127\.0\.0\.1"):
        fetched(server.url("/1.png", "rebinding.example"), allow_private=False)
    assert server.asked == []


def test_the_address_that_was_checked_is_the_one_connected_to(server: Server, mocker: MockerFixture) -> None:
    # A second question to the name server, whose answer could be another one, is not asked.
    resolve = mocker.patch.object(link_download, "addresses_of", return_value=["127.0.0.1"])
    assert fetched(server.url("/1.png", "only-once.example")) == b"an image"
    resolve.assert_called_once()
    assert server.headers[0]["Host"] == f"only-once.example:{server.port}"


def test_a_redirect_to_a_private_address_is_not_followed(server: Server, mocker: MockerFixture) -> None:
    server.paths["/away"] = says(b"", 302, Location=server.url("/1.png", "inside.example"))
    names = {"inside.example": ["10.0.0.5"], "outside.example": ["8.8.8.8"]}
    mocker.patch.object(link_download, "addresses_of", side_effect=lambda host, port: names[host])
    real = CheckedSession

    def leads_here(resolve: Any) -> Any:
        # The public address is checked, and this server stands in for it.
        return real(lambda host, port: ["127.0.0.1" for _ in resolve(host, port)])

    mocker.patch.object(link_download, "CheckedSession", leads_here)
    with pytest.raises(NotFetchedError, match=r"leads to 10\.0\.0\.5"):
        fetched(server.url("/away", "outside.example"), allow_private=False)
    assert server.asked == ["/away"]


def test_a_redirect_is_followed_where_it_may_lead(server: Server) -> None:
    server.paths["/away"] = says(b"", 302, Location="/1.png")
    assert fetched(server.url("/away")) == b"an image"


@pytest.mark.parametrize(
    "target", ["file:///etc/passwd", "ftp://127.0.0.1/1.png", "http://[", "http://a:99999/"]
)
def test_a_redirect_to_anything_but_a_web_address_is_an_error(server: Server, target: str) -> None:
    server.paths["/away"] = says(b"", 302, Location=target)
    with pytest.raises(NotFetchedError, match="no web address"):
        fetched(server.url("/away"))


def test_a_circle_of_redirects_ends(server: Server) -> None:
    server.paths["/away"] = says(b"", 302, Location="/away")
    with pytest.raises(NotFetchedError, match="redirected more than 5 times"):
        fetched(server.url("/away"))


def test_a_body_beyond_the_limit_is_not_read_to_its_end(server: Server) -> None:
    written = 0

    def endless(handler: BaseHTTPRequestHandler) -> None:
        nonlocal written
        handler.send_response(200)
        handler.end_headers()
        try:
            while written < 500 * 1024 * 1024:
                written += handler.wfile.write(b"x" * 65536)
        except OSError:
            pass

    server.paths["/endless"] = endless
    with pytest.raises(NotFetchedError, match="has more than 2 MB"):
        fetched(server.url("/endless"), limit=2 * 1024 * 1024)
    assert written < 100 * 1024 * 1024


def test_a_packed_body_is_not_unpacked(server: Server) -> None:
    packed = gzip.compress(b"x" * 50_000_000)
    server.paths["/1.png"] = says(packed, 200, **{"Content-Encoding": "gzip"})
    assert fetched(server.url("/1.png")) == packed


@pytest.mark.parametrize("in_headers", [True, False])
def test_a_server_that_sends_a_byte_now_and_then_is_cut_off(server: Server, in_headers: bool) -> None:
    ended = threading.Event()

    def drips(handler: BaseHTTPRequestHandler) -> None:
        try:
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n" + (b"X-Drip: " if in_headers else b"\r\n"))
            while True:
                handler.wfile.write(b"x")
                handler.wfile.flush()
                time.sleep(0.05)
        except OSError:
            ended.set()

    server.paths["/drip"] = drips
    with pytest.raises(NotFetchedError, match="is too slow"):
        fetched(server.url("/drip"), timeout=0.1)
    assert ended.wait(10)


@pytest.mark.parametrize(("status", "transient"), [(404, False), (403, False), (503, True), (429, True)])
def test_a_server_that_stumbles_is_asked_twice(server: Server, status: int, transient: bool) -> None:
    server.paths["/1.png"] = says(b"", status)
    with pytest.raises(NotFetchedError) as caught:
        fetched(server.url("/1.png"))
    assert (caught.value.status, len(server.asked)) == (status, 2 if transient else 1)


def test_no_error_quotes_the_signature_of_a_link(server: Server) -> None:
    import traceback

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        link = f"http://127.0.0.1:{unused.getsockname()[1]}/1.png?X-Amz-Signature=s3cret"
        with pytest.raises(NotFetchedError, match="cannot be reached from this worker") as caught:
            fetched(link)
    assert "s3cret" not in "".join(traceback.format_exception(caught.value))


def test_behind_a_proxy_an_address_that_is_known_to_be_private_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url(""))
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(NotFetchedError, match=r"leads to 10\.0\.0\.5"):
        fetched("http://10.0.0.5/1.png", allow_private=False)
    assert server.asked == []


def test_behind_a_proxy_the_proxy_itself_may_be_private(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url(""))
    monkeypatch.setenv("no_proxy", "")
    server.paths["http://8.8.8.8/1.png"] = says(b"through the proxy")
    assert fetched("http://8.8.8.8/1.png", allow_private=False) == b"through the proxy"
