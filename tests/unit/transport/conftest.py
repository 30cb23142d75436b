# SPDX-License-Identifier: Apache-2.0
"""Both transports under the same tests, against real small servers, with a clock that only sleeping moves."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.transport.asynchronous import AsyncTransport
from airflow_provider_dreambooth.transport.blocking import BlockingTransport
from airflow_provider_dreambooth.transport.rate_limit import RateLimit
from tests.unit.transport.small_server import Reply, Request, SmallServer

KEY = "Zq7w" + "k" * 56


class Clock:
    """Seconds that pass only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    async def async_sleep(self, seconds: float) -> None:
        self.sleep(seconds)


class Carrier:
    """Sends by one of the transports, and forgets it after each call."""

    def __init__(self, kind: str, clock: Clock) -> None:
        self.kind = kind
        self.clock = clock
        self.settings = ConnectionSettings(api_key=KEY, timeout=5.0)
        self.limit: RateLimit | None = None

    def to(self, url: str, **changes: Any) -> Carrier:
        self.settings = replace(self.settings, base_url=url, **changes)
        return self

    def send(self, call: Any, **options: Any) -> Any:
        limit = self.limit = self.limit or RateLimit(self.settings.max_concurrent_requests, clock=self.clock)
        if self.kind == "blocking":
            blocking = BlockingTransport(self.settings, clock=self.clock, sleep=self.clock.sleep, limit=limit)
            try:
                return blocking.send(call, **options)
            finally:
                blocking.close()

        async def run() -> Any:
            transport = AsyncTransport(
                self.settings, clock=self.clock, sleep=self.clock.async_sleep, limit=limit
            )
            try:
                return await transport.send(call, **options)
            finally:
                await transport.close()

        return asyncio.run(run())


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["blocking", "asynchronous"])
def carrier(request: pytest.FixtureRequest, clock: Clock) -> Carrier:
    return Carrier(request.param, clock)


Serve = Callable[..., SmallServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers: with replies in order (the last one stays), or with a function."""
    servers: list[SmallServer] = []

    def start(*replies: Any, tls: ssl.SSLContext | None = None) -> SmallServer:
        def in_order(request: Request, earlier: int) -> Reply:
            chosen = replies[min(earlier, len(replies) - 1)]
            reply: Reply = chosen(request, earlier) if callable(chosen) else chosen
            return reply

        servers.append(SmallServer(in_order, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 with its key, as one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dreambooth test")])
    today = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy or a CA bundle of the machine's own must not decide what the tests do."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
    for name in (
        *names,
        *(text.lower() for text in names),
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
    ):
        monkeypatch.delenv(name, raising=False)
