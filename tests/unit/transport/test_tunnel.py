# SPDX-License-Identifier: Apache-2.0
"""https through a proxy that works, by both transports."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_dreambooth.exceptions import Acceptance, DreamboothTransientError
from airflow_provider_dreambooth.transport.retry import ONCE
from tests.unit.transport.conftest import Carrier, Serve
from tests.unit.transport.small_server import STARTED, Reply
from tests.unit.transport.test_send import paid


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


def _tunnel(client: socket.socket) -> None:
    head = b""
    while b"\r\n\r\n" not in head:
        piece = client.recv(4096)
        if not piece:
            return
        head += piece
    host, _, port = head.split()[1].decode().partition(":")
    server = socket.create_connection((host, int(port)))
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    threading.Thread(target=_pump, args=(server, client), daemon=True).start()
    _pump(client, server)


@pytest.fixture
def proxy() -> Iterator[str]:
    """A proxy that makes tunnels and nothing else."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_tunnel, args=(client,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


def test_a_call_goes_through_the_tunnel_of_a_proxy(
    carrier: Carrier,
    serve: Serve,
    tls: ssl.SSLContext,
    certificate: Path,
    proxy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    server = serve(STARTED, tls=tls)
    assert carrier.to(server.url, verify=str(certificate)).send(paid())["training_id"] == "F5jvdzGnYi"
    assert len(server.requests) == 1


def test_a_certificate_refused_inside_the_tunnel_proves_that_nothing_was_accepted(
    carrier: Carrier, serve: Serve, tls: ssl.SSLContext, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(DreamboothTransientError, match=r"certificate of .* is not trusted") as caught:
        carrier.to(serve(STARTED, tls=tls).url).send(paid(), policy=ONCE)
    assert caught.value.acceptance is Acceptance.NO


def test_an_answer_lost_inside_the_tunnel_leaves_a_paid_call_open(
    carrier: Carrier,
    serve: Serve,
    tls: ssl.SSLContext,
    certificate: Path,
    proxy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    server = serve(Reply(cut=True), tls=tls)
    with pytest.raises(DreamboothTransientError, match=f"by way of the proxy http://{proxy}") as caught:
        carrier.to(server.url, verify=str(certificate)).send(paid())
    assert caught.value.acceptance is Acceptance.UNKNOWN
