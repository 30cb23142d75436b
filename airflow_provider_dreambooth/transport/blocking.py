# SPDX-License-Identifier: Apache-2.0
"""Carries calls in a thread, with requests: for workers. One transport a process and connection."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.transport.exchange import Pause, Post, Step, conversation
from airflow_provider_dreambooth.transport.rate_limit import RateLimit, rate_limit_of
from airflow_provider_dreambooth.transport.reply import LARGEST_ANSWER, Reply
from airflow_provider_dreambooth.transport.retry import RetryPolicy
from airflow_provider_dreambooth.transport.route import HEADERS, Route

if TYPE_CHECKING:
    from airflow_provider_dreambooth.transport.requests_client import RequestsClient

Result = TypeVar("Result")


class BlockingTransport:
    """
    Sends calls over one pool of connections. Safe to share between threads.

    :param settings: the connection.
    :param clock: seconds, never going back.
    :param sleep: waits that many seconds.
    :param limit: what the account may send; by default shared by all its calls in this process.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        limit: RateLimit | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._sleep = sleep
        self._limit = limit or rate_limit_of(settings)
        self._route = Route(settings)
        self._client: RequestsClient | None = None
        self._lock = threading.Lock()

    def send(self, call: ApiCall[Result], *, policy: RetryPolicy | None = None) -> Result:
        """
        Send a call and return its typed result.

        :param call: what to ask.
        :param policy: how patient to be; by default a little for reads, and for a call that costs money only
            after failures which prove that nothing was accepted.
        :raises DreamboothError: what the service answered, or why there is no answer.
        """
        steps = conversation(
            call,
            route=self._route,
            limit=self._limit,
            timeout=self.settings.timeout,
            clock=self._clock,
            policy=policy,
        )
        reply: Reply | None = None
        with closing(steps):
            while True:
                try:
                    step = steps.send(reply)
                except StopIteration as done:
                    result: Result = done.value
                    return result
                reply = self._carry_out(step)

    def close(self) -> None:
        """Close the connections. The transport may be used again."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _carry_out(self, step: Step) -> Reply | None:
        if isinstance(step, Post):
            return self._connected().post(step.url, step.body, limit=LARGEST_ANSWER, fresh=step.fresh)
        if isinstance(step, Pause):
            self._sleep(step.seconds)
        else:
            step.result()
        return None

    def _connected(self) -> RequestsClient:
        from airflow_provider_dreambooth.transport.requests_client import RequestsClient

        settings = self.settings
        with self._lock:
            if self._client is None:
                self._client = RequestsClient(
                    HEADERS, settings.max_concurrent_requests, settings.timeout, settings.verify
                )
            return self._client


_shared: dict[ConnectionSettings, BlockingTransport] = {}
_shared_lock = threading.Lock()


def blocking_transport(settings: ConnectionSettings) -> BlockingTransport:
    """
    Return the one transport of this process for a connection.

    :param settings: the connection; equal settings share a transport.
    """
    with _shared_lock:
        transport = _shared.get(settings)
        if transport is None:
            transport = _shared[settings] = BlockingTransport(settings)
        return transport


def _forget_transports() -> None:
    # Airflow forks its task processes: two processes must not speak over one socket.
    global _shared_lock
    _shared_lock = threading.Lock()
    _shared.clear()


os.register_at_fork(after_in_child=_forget_transports)
