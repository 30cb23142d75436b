# SPDX-License-Identifier: Apache-2.0
"""The application on a socket: uvicorn, with connections counted and closable for the faults that need it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from airflow_provider_dreambooth.emulator.application import EmulatorApplication, create_app
from airflow_provider_dreambooth.emulator.clock import Clock
from airflow_provider_dreambooth.emulator.hosted_api import CLOSE_CONNECTION
from airflow_provider_dreambooth.emulator.options import Options

_START_SECONDS = 20.0


def _protocol(application: EmulatorApplication, transports: dict[Any, Any]) -> type[asyncio.Protocol]:
    journal = application.service.journal

    class CountedProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
        """uvicorn's protocol; keeps the transport of each client address."""

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            journal.connection_opened()
            transports[self.client] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            journal.connection_closed()
            transports.pop(self.client, None)

    return CountedProtocol


class EmulatorServer(uvicorn.Server):
    """A uvicorn server that tells when it listens.

    :param application: the emulator.
    :param on_start: called once, when requests are served.
    """

    def __init__(self, application: EmulatorApplication, on_start: Callable[[], None] | None = None) -> None:
        options = application.service.options
        transports: dict[Any, Any] = {}

        async def with_closing(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] == "http":
                transport = transports.get(scope["client"])
                if transport is not None:
                    scope[CLOSE_CONNECTION] = transport.close
            await application(scope, receive, send)

        super().__init__(
            uvicorn.Config(
                with_closing,
                http=_protocol(application, transports),
                ws="none",
                lifespan="on",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                date_header=True,
                backlog=4096,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=2,
                ssl_certfile=options.tls_cert or None,
                ssl_keyfile=options.tls_key or None,
            )
        )
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve.

        :param sockets: sockets that listen already.
        """
        await super().startup(sockets)
        if self.started and self._on_start is not None:
            self._on_start()


def listening_socket(host: str, port: int) -> socket.socket:
    """Bind a socket.

    :param port: port; 0 picks a free one.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def url_of(options: Options, listener: socket.socket) -> str:
    """Return the base URL of a bound socket."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(options.host, options.host)
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if options.tls_cert else 'http'}://{shown}:{listener.getsockname()[1]}"


class RunningEmulator:
    """An emulator that serves in a thread.

    :param url: its base URL.
    :param application: the application; its ``service`` holds all state.
    """

    def __init__(self, url: str, application: EmulatorApplication) -> None:
        self.url = url
        self.application = application
        self.service = application.service


@contextlib.contextmanager
def running_emulator(options: Options | None = None, clock: Clock | None = None) -> Iterator[RunningEmulator]:
    """Serve in a thread for the length of a ``with`` block; for tests and benchmarks.

    :param options: the switches; by default a free port and no output.
    :param clock: the time; the machine's own when left out.
    """
    chosen = options or Options(port=0, quiet=True)
    application = create_app(chosen, clock)
    listener = listening_socket(chosen.host, chosen.port)
    ready = threading.Event()
    server = EmulatorServer(application, ready.set)
    thread = threading.Thread(
        target=lambda: server.run(sockets=[listener]), name="dreambooth-emulator", daemon=True
    )
    thread.start()
    try:
        if not ready.wait(_START_SECONDS):
            raise RuntimeError("the emulator did not start")
        yield RunningEmulator(url_of(chosen, listener), application)
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)
        listener.close()
