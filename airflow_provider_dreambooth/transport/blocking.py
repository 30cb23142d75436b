# SPDX-License-Identifier: Apache-2.0
"""Carries calls in a thread, with requests: for workers. One transport a process and connection."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, TypeVar

from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.transport.exchange import Done, Pause, Post, Step, Transport, next_step
from airflow_provider_dreambooth.transport.per_process import PerProcess
from airflow_provider_dreambooth.transport.reply import LARGEST_ANSWER, Reply
from airflow_provider_dreambooth.transport.retry import RetryPolicy
from airflow_provider_dreambooth.transport.route import HEADERS

if TYPE_CHECKING:
    from airflow_provider_dreambooth.transport.requests_client import RequestsClient

Result = TypeVar("Result")


class BlockingTransport(Transport):
    """
    Sends calls over one pool of connections. Safe to share between threads.

    :param sleep: waits that many seconds.
    :param further: see :class:`~.exchange.Transport`.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        **further: Any,
    ) -> None:
        super().__init__(settings, **further)
        self._sleep = sleep
        self._client: RequestsClient | None = None
        self._lock = threading.Lock()

    def send(self, call: ApiCall[Result], *, policy: RetryPolicy | None = None) -> Result:
        """Send a call and return its typed result. See :func:`~.exchange.conversation`."""
        with closing(self.conversation(call, policy)) as steps:
            step = next_step(steps, None)
            while not isinstance(step, Done):
                step = next_step(steps, self._carry_out(step))
            return step.result

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


_shared: PerProcess[ConnectionSettings, BlockingTransport] = PerProcess(BlockingTransport)


def blocking_transport(settings: ConnectionSettings) -> BlockingTransport:
    """
    Return the one transport of this process for a connection.

    :param settings: the connection; equal settings share a transport.
    """
    return _shared[settings]
