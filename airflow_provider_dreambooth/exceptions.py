# SPDX-License-Identifier: Apache-2.0
"""What can go wrong, in classes a DAG author can catch.

Every message says what happened, to which training, what became of the money, and what to do next.
No message contains the API key. Nothing here imports Airflow: the operators decide which error ends a
task without a retry (see :mod:`airflow_provider_dreambooth.runtime.errors`).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any


class Acceptance(StrEnum):
    """Whether the service took the request on, as far as the caller can know."""

    #: Nothing was accepted: refused, never sent, or answered with a documented rejection.
    NO = "no"
    #: The request went out and its answer is missing or unreadable.
    UNKNOWN = "unknown"


class DreamboothError(Exception):
    """
    Base of all errors of this provider.

    :param message: what happened, for a person.
    :param training_id: the training concerned, when one is known.
    :param raw: the service's own answer, shortened, without the key.
    :param http_status: the HTTP code of the answer, when there was one.
    :param acceptance: whether the service may have taken the request on. Matters for a call that costs money.
    """

    #: A permanent error stays the same however often the call is repeated.
    permanent: bool = True

    def __init__(
        self,
        message: str,
        *,
        training_id: str | None = None,
        raw: Any = None,
        http_status: int | None = None,
        acceptance: Acceptance = Acceptance.NO,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.training_id = training_id
        self.raw = raw
        self.http_status = http_status
        self.acceptance = acceptance

    def add(self, sentence: str) -> None:
        """Add a sentence to the message."""
        self.message = f"{self.message} {sentence}"
        self.args = (self.message, *self.args[1:])


class DreamboothAuthError(DreamboothError):
    """The API key is missing, wrong, or not allowed to do this (plan)."""


class DreamboothValidationError(DreamboothError, ValueError):
    """The request is not acceptable: refused here before money was spent, or by the service."""


class DreamboothNotFoundError(DreamboothError):
    """The service knows no such training, model or request."""


class DreamboothInsufficientCreditsError(DreamboothError):
    """The account has no credits left for this call. Nothing was charged."""


class DreamboothRateLimitError(DreamboothError):
    """
    The account has too much under way, or the same request came twice within 30 seconds.

    :param retry_after: seconds after which the service says to try again, ``None`` when it does not say.
    :param whole_account: all calls of the account have to wait; else only this one (the filter for repeated requests).
    """

    permanent = False

    def __init__(
        self,
        message: str,
        *,
        retry_after: float | None = None,
        whole_account: bool = True,
        **details: Any,
    ) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after
        self.whole_account = whole_account


class DreamboothTransientError(DreamboothError):
    """
    A transient error: time-out, cut connection, 5xx, unreadable answer, *Failed, Try Again*.

    :param retry_after: seconds after which the service says to try again, ``None`` when it does not say.
    """

    permanent = False

    def __init__(self, message: str, *, retry_after: float | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class DreamboothTrainingFailedError(DreamboothError):
    """
    The service reports that the training failed or was cancelled.

    :param cause_is_permanent: the same inputs would fail again (rejected images, for instance).
    """

    permanent = False

    def __init__(self, message: str, *, cause_is_permanent: bool = False, **details: Any) -> None:
        super().__init__(message, **details)
        self.permanent = cause_is_permanent


class DreamboothTrainingTimeoutError(DreamboothError):
    """The model was not ready in time. The training itself may still be running."""

    permanent = False


class DreamboothLostSubmissionError(DreamboothError):
    """A paid request went out, its answer was lost, and nothing tells whether the service took it."""

    def __init__(self, message: str, **details: Any) -> None:
        details.setdefault("acceptance", Acceptance.UNKNOWN)
        super().__init__(message, **details)
