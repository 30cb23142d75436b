# SPDX-License-Identifier: Apache-2.0
"""Which error an answer of the service means.

The text decides first, since the service sends errors with HTTP 200 as well; then the HTTP code. A text that
no documentation has is a transient error whose outcome is unknown: it may be repeated on a read, never on a
call that costs money.

A message can echo what the user sent (a prompt, a link, an id), so what is quoted, what follows *prompt:* and
links are not read, and no pattern is a lone everyday word.
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


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


_ECHO = _words(
    r'"[^"]*"', r"“[^”]*”", r"`[^`]*`", r"(?<!\w)'[^']*'(?!\w)", r"https?://\S+", r"\bprompt\b[^:;]{0,40}:.*"
)
_LABEL = _words(r"^\s*(?:error|message|messege|detail)\s*:\s*")

_RATE_LIMIT = _words(
    r"(?<!learning[ _])\brate.?limit(?:ed|s|ing)?\b",
    r"\btoo many (?:queued )?(?:requests|calls)\b",
    r"\bqueued requests\b",
    r"\b(?:duplicate|same) requests?\b",
)
#: What tells the filter for repeated requests, which concerns one request, from limits of the whole account.
_SAME_REQUEST = _words(r"\b(?:duplicate|same|repeated|identical) requests?\b")
_ACCOUNT = _words(r"\bqueued?\b", r"\btoo many\b")
_AUTH = _words(
    r"\b(?:invalid|missing|wrong|unknown|expired|incorrect|no) api.?key\b",
    # A LoRA can carry the key of another service: that one is a field, not the account.
    r"(?<!wandb )(?<!biases )\bapi.?key (?:(?:field|is|was|has|been|not) ){0,3}"
    r"(?:invalid|required|missing|expired|wrong|found)\b",
    r"^(?:the )?key (?:field )?is (?:required|invalid)\b",
    r"^unauthori[sz]ed(?: (?:access|request|user)\b|\W*$)",
    r"^unauthenticated\b",
    r"\bnot authori[sz]ed to\b",
)
#: For v3 trainings no source has the text, so these are wide; but "credit" alone is not enough (a credit card
#: in a prompt, credits to an author).
_CREDITS = _words(
    r"\b(?:insufficient|not enough|no more|no|0|zero) (?:\w+ ){0,2}(?:credits?|balance|funds)\b",
    r"\b(?:do|does) ?(?:not|n'?t) have (?:enough|any|sufficient) (?:\w+ ){0,2}(?:credits?|balance|funds)\b",
    r"\b(?:out of|run out of|ran out of) (?:\w+ ){0,2}(?:credits?|balance|funds)\b",
    r"\b(?:credits?|balance|funds) (?:(?:is|are|has|have|been|too) ){0,3}"
    r"(?:exhausted|insufficient|used up|expired|low)\b",
    r"\b(?:add|buy|purchase|get) (?:more |some )?(?:\w+ )?(?:credits?\b(?! card)|funds\b)",
    r"\b(?:buy|purchase) (?:more |some )?models\b",
    r"\bno (?:available )?models? (?:left|available|remaining)\b",
    r"\bpayment required\b",
    r"\b(?:recharge|top.?up) your (?:wallet|account|balance)\b",
)
_PLAN = _words(
    r"\bpremium subscription\b",
    r"\brequires? (?:an? )?(?:\w+ ){0,2}(?:subscription|plan)\b",
    r"\bupgrade your (?:\w+ )?(?:plan|subscription)\b",
    r"\b(?:in|for|with|on|by|under) your (?:current )?(?:plan|subscription)\b",
    r"\b(?:exceed(?:ed|s)?|reached|hit|over) (?:\w+ ){0,3}(?:plan|subscription)(?:'?s)? (?:\w+ ){0,2}(?:limit|quota)s?\b",
    r"\b(?:plan|subscription) (?:limit|quota)s? (?:(?:is|was|has|have|been) ){0,2}(?:exceeded|reached|used up)\b",
    r"\bno active subscription\b",
    r"\bsubscription (?:has |is )?(?:expired|inactive)\b",
    r"^forbidden\W*$",
)
_KNOWN_REFUSAL = _words(
    # A malformed call, refused before anything was read of it (service-wide error, observed with HTTP 200).
    r"^invalid api request\b",
    r"\b(?:unable to|could not|cannot|can't) (?:fetch|download|load|read|open) (?:the |an? )?images?\b",
    r"^training has already finished\b",
)
_THING = r"(?:models?|trainings?|requests?|jobs?)(?:[ _](?:request|job))?(?:[ _]ids?)?"
_NOT_FOUND = _words(
    rf"\b{_THING}(?: with id)?(?: \S{{1,60}})? (?:(?:was|is|were|are|could) )?not (?:be )?found\b",
    rf"\b{_THING}(?: \S{{1,60}})? does ?(?:not|n't) exist\b",
    rf"\b(?:no such|unknown) {_THING}\b",
    r"^(?:(?:resource|record|id) )?not found\W*$",
    r"\bno query results for model\b",
)
_TRANSIENT = _words(
    r"^failed,? (?:please )?try again\b",
    r"^internal server error\b",
    r"^service (?:is )?temporarily unavailable\b",
)
# From here on everyday words: they count only where the HTTP code does not say otherwise.
_LIKELY_TRANSIENT = _words(
    r"\btry again\b",
    r"\bserver error\b",
    r"\btemporar(?:y|ily)\b",
    r"\bunavailable\b",
    r"\btime(?:d ?|-| )?out\b",
    r"\boverloaded\b",
    r"\bbad gateway\b",
    r"\b(?:server|gpu|service|system|worker)s?\b[^.]{0,30}\bbusy\b",
    r"\bsomething went wrong\b",
)
_LIKELY_REFUSAL = _words(
    r"\b(?:is|are) required\b",
    r"\b(?:must|should) (?:not )?(?:be|have|contain|match|start|end)\b",
    r"\bdivisible by\b",
    r"\b(?:is|are) (?:invalid|not valid|unsupported|not supported)\b",
    r"^invalid (?:\w+ ){0,2}(?:urls?|links?|images?|prompt|values?|parameters?|fields?|ids?|base64)\b",
    r"\btoo (?:large|long|short|small)\b",
    r"\b(?:not exceed|exceeds? the max\w*)\b",
    r"\bat (?:least|most) \d",
    r"\bmay not be\b",
)
_ORDER: tuple[tuple[re.Pattern[str], type[DreamboothError]], ...] = (
    (_RATE_LIMIT, DreamboothRateLimitError),
    (_AUTH, DreamboothAuthError),
    (_CREDITS, DreamboothInsufficientCreditsError),
    (_PLAN, DreamboothAuthError),
    (_KNOWN_REFUSAL, DreamboothValidationError),
    (_NOT_FOUND, DreamboothNotFoundError),
    (_TRANSIENT, DreamboothTransientError),
)

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
_TRUSTED_WITHOUT_BODY = frozenset({401, 402, 413, 422, 429})
_AUTH_FIELDS = frozenset({"key", "api_key"})
_LONGEST_READ = 2000
_LONGEST_SHOWN = 500

_ADVICE: dict[type[DreamboothError], str] = {
    DreamboothAuthError: "Check the API key in the connection's password field, and what the account's "
    "plan includes.",
    DreamboothValidationError: "Correct what it names; the same request will be refused again.",
    DreamboothNotFoundError: "Check the id, and that the connection's host, environment and key are those "
    "that it was created with.",
    DreamboothInsufficientCreditsError: "Nothing was charged. Add credits to the account, then clear the "
    "task.",
    DreamboothRateLimitError: "The account's queue is full, or the same request was sent twice within "
    "30 seconds.",
    DreamboothTransientError: "This is usually temporary.",
}
_ADVICE_UNREADABLE = "This is usually temporary; if it persists, check the connection's host."
_ADVICE_UNKNOWN = "This answer is not documented, so it is treated as a transient error."


def _class_of(text: str, fields: tuple[str, ...], code: int) -> type[DreamboothError] | None:
    """Return the error class that the message names, ``None`` when no documented one is like it."""
    if fields and code < 500:
        return DreamboothAuthError if _AUTH_FIELDS & set(fields) else DreamboothValidationError
    words = " ".join(_ECHO.sub(" ", _LABEL.sub("", text[:_LONGEST_READ])).split())
    for pattern, error_class in _ORDER:
        if pattern.search(words):
            return error_class
    if code in _CLASS_OF_CODE:
        return None
    if _LIKELY_TRANSIENT.search(words):
        return DreamboothTransientError
    return DreamboothValidationError if code < 500 and _LIKELY_REFUSAL.search(words) else None


def documented_class(text: str) -> type[DreamboothError] | None:
    """
    Return the error class that a message alone names.

    :return: ``None`` when no documentation or log has a message like it.
    """
    return _class_of(text, (), 200)


def _concerns_account(text: str, retry_after: float | None, in_words: bool) -> bool:
    """Whether a rate limit is that of the whole account, and not the filter for repeated requests."""
    if _SAME_REQUEST.search(text) or _ACCOUNT.search(text):
        return not _SAME_REQUEST.search(text)
    # The filter says "Rate limit exceeded", and how long to wait in words; a page from a server in between says less.
    return not in_words and (retry_after is not None or not _RATE_LIMIT.search(text))


def classify(
    *,
    http_status: int,
    text: str,
    about: str,
    told_code: int | None = None,
    fields: tuple[str, ...] = (),
    tip: str = "",
    retry_after: float | None = None,
    in_words: bool = False,
    raw: Any = None,
    unreadable: str | None = None,
) -> DreamboothError:
    """
    Return the error for an answer that reports one.

    :param text: the service's message as one line.
    :param about: what the call is about.
    :param told_code: the code in the body, where the HTTP code says nothing.
    :param fields: names of the rejected fields, when the service listed them.
    :param tip: the service's advice, when it sent one.
    :param retry_after: seconds that the service asks to wait.
    :param in_words: it asks so in its text alone, as the filter for repeated requests does.
    :param raw: the answer, shortened.
    :param unreadable: what the body was when it was no JSON, such as ``an HTML page``.
    """
    code = told_code or http_status
    named = _class_of(text, fields, code) if text or fields else None
    if named is None and (unreadable is None or code in _TRUSTED_WITHOUT_BODY):
        named = _CLASS_OF_CODE.get(code)
    chosen: type[DreamboothError] = named or DreamboothTransientError
    advice = _ADVICE[chosen]
    if named is None and unreadable is not None:
        advice = _ADVICE_UNREADABLE
    elif named is None and code < 500:
        advice = _ADVICE_UNKNOWN
    shown = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."
    said = f'"{shown}"' if shown else (unreadable or "no message")
    message = f"The service answered the call about {about} with {said} (HTTP {http_status}). {advice}"
    if tip and chosen in (DreamboothAuthError, DreamboothValidationError):
        message += f" The service's tip: {tip[:300]}"
    if retry_after is not None:
        message += f" The service asks to wait {retry_after:g} s."
    details: dict[str, Any] = {"raw": raw, "http_status": http_status}
    if chosen is DreamboothTransientError:
        return DreamboothTransientError(
            message, retry_after=retry_after, acceptance=Acceptance.UNKNOWN, **details
        )
    if chosen is DreamboothRateLimitError:
        return DreamboothRateLimitError(
            message,
            retry_after=retry_after,
            whole_account=_concerns_account(text, retry_after, in_words),
            **details,
        )
    return chosen(message, **details)
