# SPDX-License-Identifier: Apache-2.0
"""One call of the service as a value: where it goes, what it sends, how its answer is read.

A transport adds the key, carries the call and hands the answer to :func:`read_answer`. It needs to
know nothing else of the service.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Repeat(Enum):
    """What a transport may do with this call after a transient error."""

    #: A read, or a write that may safely be repeated.
    FREELY = "freely"
    #: Costs money: only after a failure which proves that nothing was accepted.
    ONLY_IF_NOT_ACCEPTED = "only if not accepted"


@dataclass(frozen=True)
class Answer:
    """
    An HTTP answer as the wire brought it.

    :param status: HTTP status code.
    :param body: the undecoded body.
    :param retry_after: seconds to wait, as its header says.
    """

    status: int
    body: bytes = field(repr=False)
    retry_after: float | None = None


#: Longest body that is remembered: a usual status answer is a few hundred bytes long.
_REMEMBERED = 4096


class LastAnswer(Generic[Result]):
    """
    The last answer to a call that is made again and again, and what it meant.

    A training stays at its stage from poll to poll, and so do the bytes of the answer: they are not read again.
    """

    __slots__ = ("_body", "_result", "_status")

    def __init__(self) -> None:
        self._status = 0
        self._body = b""
        self._result: Result | None = None

    def meaning_of(self, answer: Answer) -> Result | None:
        """Return what the last answer meant if this one is the same, else ``None``."""
        same = answer.status == self._status and answer.body == self._body
        return self._result if same else None

    def remember(self, answer: Answer, result: Result) -> None:
        """Keep a short answer, without any secret, in the place of the one before."""
        if len(answer.body) <= _REMEMBERED:
            self._status, self._body, self._result = answer.status, answer.body, result


@dataclass(frozen=True)
class ApiCall(Generic[Result]):
    """
    One call of the service.

    :param path: path below the base URL, with its leading slash, such as ``/api/v3/fine_tune``. Never a whole
        URL: the key only goes to the configured host.
    :param body: the JSON body without ``key``.
    :param read: turns the decoded, error-free JSON document into the typed result.
    :param about: what the call is about, for messages, such as ``training F5jvdzGnYi``.
    :param training_id: the training that the call is about, for errors.
    :param repeat: what may be done after a transient error.
    :param fallback: the call to make instead when the service knows no such route (the two spellings
        of cancel, quirk Q3); see :func:`airflow_provider_dreambooth.api.answer.is_route_missing`.
    :param is_answer: tells that a document answers the call although its ``status`` reports an error: a
        failed training is an answer to a status call. Not asked on a 5xx.
    :param last: remembers the last answer, for a call that is made again and again and whose results do not change.
    :param takes_hf_token: the transport adds the connection's Hugging Face token to the body, as it adds the key.
    """

    path: str
    body: Mapping[str, Any]
    read: Callable[[Any], Result]
    about: str
    training_id: str | None = None
    repeat: Repeat = Repeat.FREELY
    fallback: ApiCall[Result] | None = None
    is_answer: Callable[[Any], bool] | None = None
    last: LastAnswer[Result] | None = field(default=None, repr=False, compare=False)
    takes_hf_token: bool = False
