# SPDX-License-Identifier: Apache-2.0
"""
A server that answers status calls over TLS and counts: requests, connections, how many at once, and how late a poll came.

As lean as possible, in a process of its own, so that it stays out of what is measured. It answers for each of the
services that the compared triggers poll. :class:`StatusServer` starts it; run as a program it prints its port.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import ipaddress
import json
import ssl
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

ROOT = Path(__file__).resolve().parent.parent
#: Where the benchmarks keep certificates, environments and compiled modules.
FOLDER = ROOT / "build" / "bench"

_RUNNING = (
    '{"status":"success","messege":"training_started",'
    '"data":" /n Step:1 Training Started, 5 Steps to go : ETA : 30 minutes"}'
)
_DBT = '{"status":{"code":200,"is_success":true},"data":{"id":1,"status":3,"is_complete":false}}'
_ANTHROPIC = (
    '{"id":"msgbatch_1","type":"message_batch","processing_status":"in_progress","request_counts":'
    '{"processing":100,"succeeded":0,"errored":0,"canceled":0,"expired":0},"ended_at":null,'
    '"created_at":"2026-01-01T00:00:00Z","expires_at":"2026-01-02T00:00:00Z","archived_at":null,'
    '"cancel_initiated_at":null,"results_url":null}'
)


def _answer(text: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


_ANSWERS = {"/api/v2/": _answer(_DBT), "/v1/messa": _answer(_ANTHROPIC)}
_DREAMBOOTH = _answer(_RUNNING)


class Counters:
    """What has been seen since the last reset."""

    def __init__(self) -> None:
        self.open = 0
        self.reset()

    def reset(self) -> None:
        self.requests = 0
        self.opened = 0
        self.most_open = self.open
        self.longest_gap = 0.0
        self._polled: dict[str, float] = {}

    def polled(self, path: str) -> None:
        """Count a poll, and note how long after the one before of the same training it came."""
        now = time.monotonic()
        self.requests += 1
        self.longest_gap = max(self.longest_gap, now - self._polled.get(path, now))
        self._polled[path] = now


class StatusProtocol(asyncio.Protocol):
    """One connection; requests are small enough to arrive nearly whole."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._counters.open += 1
        self._counters.opened += 1
        self._counters.most_open = max(self._counters.most_open, self._counters.open)

    def connection_lost(self, error: Exception | None) -> None:
        self._counters.open -= 1

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            head = self._rest[:end]
            length = 0
            place = head.lower().find(b"\r\ncontent-length:")
            if place >= 0:
                length = int(head[place + 17 :].split(b"\r\n", 1)[0])
            if len(self._rest) < end + 4 + length:
                return
            self._rest = self._rest[end + 4 + length :]
            self._reply(head.split(b" ", 2)[1].decode())

    def _reply(self, path: str) -> None:
        assert self._transport is not None
        if path == "/counters":
            counters = self._counters
            names = ("requests", "opened", "most_open", "longest_gap")
            text = json.dumps({name: getattr(counters, name) for name in names})
            self._transport.write(_answer(text))
            counters.reset()
            return
        self._counters.polled(path)
        self._transport.write(_ANSWERS.get(path[:9], _ANSWERS.get(path[:8], _DREAMBOOTH)))


async def serve(certificate: str) -> None:
    """
    Serve until standard input ends.

    :param certificate: path of a PEM file with key and certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    counters = Counters()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: StatusProtocol(counters), "127.0.0.1", 0, ssl=context, backlog=2048
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def make_certificate(path: Path) -> Path:
    """Write a self-signed certificate for 127.0.0.1 with its key, and return its path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "benchmark on loopback")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    path.chmod(0o600)
    return path


class StatusServer:
    """``with StatusServer() as server``: runs until left."""

    def __init__(self) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.certificate = make_certificate(FOLDER / "server.pem")
        self.port = 0
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> StatusServer:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.status_server", str(self.certificate)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("certificate")
    asyncio.run(serve(parser.parse_args().certificate))
