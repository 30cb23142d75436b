# SPDX-License-Identifier: Apache-2.0
"""
One call from its first try to its result, without any I/O: what to do next, and how to read what came of it.

:func:`conversation` yields steps, which a driver carries out: :mod:`.blocking` in a thread, :mod:`.asynchronous` in an
event loop. A driver that gives up closes the generator, which gives back what the call holds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from airflow_provider_dreambooth.api.answer import is_route_missing
from airflow_provider_dreambooth.api.call import Answer, ApiCall, Repeat
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothRateLimitError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.transport import errors
from airflow_provider_dreambooth.transport.rate_limit import RateLimit, Turn, rate_limit_of
from airflow_provider_dreambooth.transport.reply import LARGEST_ANSWER, LONGEST_RETRY_AFTER, Body, Reply
from airflow_provider_dreambooth.transport.retry import Retry, RetryPolicy, policy_for
from airflow_provider_dreambooth.transport.route import MOST_REDIRECTS, Route

Result = TypeVar("Result")

log = logging.getLogger(__name__)


class Post(NamedTuple):
    """
    Send a request, and answer the generator with the :class:`~.reply.Reply`.

    :param url: where.
    :param body: what.
    :param fresh: over a new connection: a kept one may be dead, which shows only after the request went out, and would
        make a lost answer of a call that costs money.
    """

    url: str
    body: Body
    fresh: bool


class Pause(NamedTuple):
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Done(Generic[Result]):
    """The call's result."""

    result: Result


Step = Post | Pause | Turn
Conversation = Generator[Step, Reply | None, Result]


class Transport:
    """
    What both drivers have in common.

    :param settings: the connection.
    :param clock: seconds, never going back.
    :param limit: what the account may send; by default shared by all its calls in this process.
    """

    def __init__(
        self,
        settings: ConnectionSettings,
        *,
        clock: Callable[[], float] = time.monotonic,
        limit: RateLimit | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._limit = limit or rate_limit_of(settings)
        self._route = Route(settings)

    def conversation(self, call: ApiCall[Result], policy: RetryPolicy | None) -> Conversation[Result]:
        """Return the steps of a call. See :func:`conversation`."""
        return conversation(
            call,
            route=self._route,
            limit=self._limit,
            timeout=self.settings.timeout,
            clock=self._clock,
            policy=policy,
        )


def next_step(steps: Conversation[Result], reply: Reply | None) -> Step | Done[Result]:
    """Return what to do next, given what came of the step before."""
    try:
        return steps.send(reply)
    except StopIteration as end:
        return Done(end.value)


def conversation(
    call: ApiCall[Result],
    *,
    route: Route,
    limit: RateLimit,
    timeout: float,
    clock: Callable[[], float],
    policy: RetryPolicy | None = None,
) -> Conversation[Result]:
    """
    Yield the steps of a call, and return its typed result.

    :param route: where the connection's calls go.
    :param limit: what the account may send.
    :param timeout: seconds of one request, for messages.
    :param clock: seconds, never going back.
    :param policy: how patient to be; by default a little for reads, and for a call that costs money only after
        failures which prove that nothing was accepted.
    :raises DreamboothError: what the service answered, or why there is no answer.
    """
    retry = Retry(policy or policy_for(call.repeat), call.repeat, clock())
    attempt = _Attempt(route, limit, timeout, retry, clock)
    while True:
        try:
            return (yield from attempt.send(call))
        except DreamboothError as caught:
            error = caught
        delay = retry.delay_after(error, clock())
        if delay is None:
            raise retry.conclude(error, clock())
        log.debug("The call about %s is retried in %.1f s: %s", call.about, delay, error)
        yield Pause(delay)


@dataclass
class _Attempt:
    """One try of a call, with its redirects and its other spelling."""

    route: Route
    limit: RateLimit
    timeout: float
    retry: Retry
    clock: Callable[[], float]

    def send(self, call: ApiCall[Result]) -> Conversation[Result]:
        route = self.route
        url, body = route.url_of(call), route.body_of(call)
        for _ in range(MOST_REDIRECTS + 1):
            reply = yield from self._exchange(call, url, body)
            target = route.redirected(call, url, reply.status, reply.headers.get("Location"))
            if target is None:
                break
            url = target
        else:
            raise route.too_many_redirects(call)
        answer = Answer(reply.status, reply.body, reply.retry_after())
        if call.fallback is not None and is_route_missing(answer):
            return (yield from self.send(call.fallback))
        try:
            return route.read(call, answer)
        except (DreamboothRateLimitError, DreamboothTransientError) as error:
            if error.retry_after is not None:
                error.retry_after = min(error.retry_after, LONGEST_RETRY_AFTER)
            if isinstance(error, DreamboothRateLimitError):
                self.limit.note(error)
            raise

    def _exchange(self, call: ApiCall[Any], url: str, body: Body) -> Generator[Step, Reply | None, Reply]:
        turn = self.limit.enter()
        if turn is not None or self.limit.pause_left():
            yield from self._wait(turn, call)
        started = self.clock()
        try:
            reply = yield Post(url, body, call.repeat is Repeat.ONLY_IF_NOT_ACCEPTED)
        finally:
            self.limit.leave()
        assert reply is not None
        log.debug("POST %s: HTTP %d in %.0f ms", call.path, reply.status, 1000 * (self.clock() - started))
        reply.decode(LARGEST_ANSWER)
        if not reply.is_whole():
            raise errors.error_of(call, url, reply, self.timeout)
        if reply.status == 407:
            raise errors.proxy_wants_a_password(call, reply.proxy)
        return reply

    def _wait(self, turn: Turn | None, call: ApiCall[Any]) -> Generator[Step, Reply | None, None]:
        """Wait for a place, and until the account's pause is over."""
        while True:
            if turn is not None:
                try:
                    yield turn
                except BaseException:
                    self.limit.drop(turn)
                    raise
            pause = self.limit.pause_left()
            if not pause:
                return
            self.limit.leave()
            if not self.retry.has_time_for(pause, self.clock()):
                raise DreamboothRateLimitError(
                    f"The service rate limited this account, so the call about {call.about} was not sent and nothing "
                    f"was accepted or charged. All calls of the account wait {pause:.0f} s more.",
                    retry_after=pause,
                    training_id=call.training_id,
                )
            yield Pause(pause)
            turn = self.limit.enter()
