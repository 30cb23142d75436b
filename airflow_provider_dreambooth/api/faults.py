"""Which error an answer of the service means.

The text decides first, since the service sends errors with HTTP 200 as well; then the HTTP code. A text that
no documentation has is a passing fault whose outcome is unknown: it may be repeated on a read, never on a
call that costs money.
"""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_dreambooth.exceptions import (
    Acceptance,
    DreamboothAuthError,
    DreamboothError,
    DreamboothInsufficientCreditsError,
    DreamboothNotFoundError,
    DreamboothRateLimitError,
    DreamboothTransientError,
    DreamboothValidationError,
)


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_RATE_LIMIT = _words(r"rate.?limit|too many requests|queued requests|duplicate request|wait for \d+ seconds")
_AUTH = _words(r"(invalid|missing|wrong|unknown|expired|incorrect)\s+api.?key|api.?key\b.*\b(invalid|required|missing|expired)|unauthori[sz]ed|unauthenticated")
_PLAN = _words(r"premium subscription|requires? .*\b(subscription|plan)\b|upgrade your plan|forbidden|not allowed for your plan")
_CREDITS = _words(r"credit|payment required|insufficient (balance|funds)|wallet balance|buy (more )?models?|no (available )?models? left")
_NOT_FOUND = _words(r"\bnot found\b|does ?n[o']t exist|no such (model|training|request)|could not be found|unknown (model|training)")
_TRANSIENT = _words(
    r"try again|internal server error|server error|temporarily|unavailable|timed? ?out|busy|overloaded|bad gateway"
)
_VALIDATION = _words(
    r"\bis required\b|\bare required\b|\bmust\b|\bshould be\b|\bnot valid\b|\binvalid\b|unable to fetch image|too large|exceeds"
    r"|at least|may not be|already (has )?finished|unsupported"
)
_AUTH_FIELDS = {"key", "api_key"}

_CLASS_OF_CODE: dict[int, type[DreamboothError]] = {
    400: DreamboothValidationError,
    401: DreamboothAuthError,
    402: DreamboothInsufficientCreditsError,
    403: DreamboothAuthError,
    404: DreamboothNotFoundError,
    413: DreamboothValidationError,
    422: DreamboothValidationError,
    429: DreamboothRateLimitError,
}
#: Codes that say the same whoever wrote the body; others without a JSON body may be a proxy's page.
_TRUSTED_WITHOUT_BODY = {401, 402, 413, 422, 429}

_ADVICE: dict[type[DreamboothError], str] = {
    DreamboothAuthError: "Check the API key in the connection's password field and what the account's plan includes.",
    DreamboothValidationError: "Mend the named input; the same request will be refused again.",
    DreamboothNotFoundError: "Check the id, and that the connection's host, environment and key are those that it was created with.",
    DreamboothInsufficientCreditsError: "Nothing was charged. Add credits to the account, then clear the task.",
    DreamboothRateLimitError: "The account has too much under way, or sent the same request twice within 30 seconds.",
    DreamboothTransientError: "This usually passes.",
}


def _class_of(text: str, fields: tuple[str, ...], http_status: int) -> type[DreamboothError] | None:
    """Return the error class that the text names, ``None`` when no documented text matches."""
    if fields:
        return DreamboothAuthError if _AUTH_FIELDS & set(fields) else DreamboothValidationError
    for pattern, error_class in (
        (_RATE_LIMIT, DreamboothRateLimitError),
        (_AUTH, DreamboothAuthError),
        (_CREDITS, DreamboothInsufficientCreditsError),
        (_PLAN, DreamboothAuthError),
        (_NOT_FOUND, DreamboothNotFoundError),
        (_TRANSIENT, DreamboothTransientError),
    ):
        if pattern.search(text):
            return error_class
    # "invalid" and "must" are everyday words: they count only where the code does not say otherwise.
    if http_status < 500 and http_status not in _CLASS_OF_CODE and _VALIDATION.search(text):
        return DreamboothValidationError
    return None


def documented_class(text: str) -> type[DreamboothError] | None:
    """Return the error class of a message, ``None`` when no documentation or log has such a message."""
    return _class_of(text, (), 200)


def classify(
    *,
    http_status: int,
    text: str,
    about: str,
    fields: tuple[str, ...] = (),
    tip: str = "",
    retry_after: float | None = None,
    raw: Any = None,
    unreadable: str | None = None,
) -> DreamboothError:
    """
    Return the error for an answer that reports one.

    :param http_status: the HTTP code.
    :param text: the service's message as one line.
    :param about: what the call is about.
    :param fields: names of the rejected fields, when the service listed them.
    :param tip: the service's advice, when it sent one.
    :param retry_after: seconds that the service asks to wait.
    :param raw: the answer, shortened.
    :param unreadable: what the body was when it was no JSON, such as ``an HTML page``.
    """
    error_class = _class_of(text, fields, http_status) if text or fields else None
    if error_class is None and (unreadable is None or http_status in _TRUSTED_WITHOUT_BODY):
        error_class = _CLASS_OF_CODE.get(http_status)
    chosen: type[DreamboothError] = error_class or DreamboothTransientError
    said = f'"{text}"' if text else (unreadable or "no message")
    message = f"The service answered the call about {about} with {said} (HTTP {http_status}). {_ADVICE[chosen]}"
    if tip and chosen in (DreamboothAuthError, DreamboothValidationError):
        message += f" The service's tip: {tip[:300]}"
    if retry_after is not None:
        message += f" It asks to wait {retry_after:g} s."
    details: dict[str, Any] = {"raw": raw, "http_status": http_status}
    if chosen is DreamboothTransientError:
        return DreamboothTransientError(message, retry_after=retry_after, acceptance=Acceptance.UNKNOWN, **details)
    if chosen is DreamboothRateLimitError:
        return DreamboothRateLimitError(message, retry_after=retry_after, **details)
    return chosen(message, **details)
