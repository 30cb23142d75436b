# SPDX-License-Identifier: Apache-2.0
"""A real HTTP server in a thread that does with each request what a test says, however badly."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    """What to do with a request: answer, or break in one of the ways that networks break."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    #: close without an answer; after half of the body; never answer
    cut: bool = False
    half: bool = False
    #: answer and close
    close: bool = False
    #: answer without an end
    endless: bool = False
    hold: bool = False
    #: all that is sent, byte by byte with so many seconds between them
    drip: bytes = b""
    pause: float = 0.02


def document(value: Any, status: int = 200, **headers: str) -> Reply:
    """Return an answer with a JSON body."""
    return Reply(
        status, json.dumps(value).encode(), {name.replace("_", "-"): text for name, text in headers.items()}
    )


RUNNING = document({"status": "success", "messege": "training_started", "data": "ETA : 30 minutes"})
STARTED = document({"status": "success", "messege": "deploying_gpu", "training_id": "F5jvdzGnYi"})


class SmallServer:
    """
    Serves until closed.

    :param answer: what to do with a request, given it and how many came before it.
    :param tls: context to speak TLS with.
    """

    def __init__(self, answer: Callable[[Request, int], Reply], tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Request] = []
        self.connections = 0
        self.endless_bytes = 0
        self.at_once = 0
        self.most_at_once = 0
        self._answer = answer
        self._tls = tls
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._closing.set()
        self._listener.close()
        with self._lock:
            for connection in self._open:
                connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._lock:
                self.connections += 1
                self._open.add(connection)
            with connection, connection.makefile("rb") as stream:
                while self._one(connection, stream):
                    pass
        except OSError:
            return

    def _one(self, connection: socket.socket, stream: Any) -> bool:
        line = stream.readline().decode("latin-1").split()
        if len(line) < 2 or not line[-1].startswith("HTTP/"):
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            connection.recv(65536)
            return False
        headers = {}
        while text := stream.readline().decode().strip():
            name, _, value = text.partition(":")
            headers[name.lower()] = value.strip()
        request = Request(line[0], line[1], headers, stream.read(int(headers.get("content-length", 0))))
        with self._lock:
            earlier = len(self.requests)
            self.requests.append(request)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            reply = self._answer(request, earlier)
            if reply.hold:
                self._closing.wait(30)
                return False
        finally:
            with self._lock:
                self.at_once -= 1
        if reply.cut:
            return False
        if reply.endless:
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                self.endless_bytes += connection.send(b"x" * 65536)
        if reply.drip:
            for byte in reply.drip:
                connection.sendall(bytes([byte]))
                if self._closing.wait(reply.pause):
                    break
            return False
        names = {"Content-Length": str(len(reply.body)), **reply.headers}
        names = {name: text for name, text in names.items() if text}
        head = f"HTTP/1.1 {reply.status} X\r\n" + "".join(
            f"{name}: {text}\r\n" for name, text in names.items()
        )
        body = reply.body[: len(reply.body) // 2] if reply.half else reply.body
        connection.sendall(head.encode("latin-1") + b"\r\n" + body)
        return not (reply.half or reply.close)
