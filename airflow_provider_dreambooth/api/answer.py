"""From the bytes of an answer to the document in it, or to the error that it means.

The body decides first, the HTTP code second: in 2023 errors came with HTTP 200, today they come with real
codes (quirk Q16). A body that cannot be read is a passing fault, never a crash of the JSON parser.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airflow_provider_dreambooth.api.call import Answer
from airflow_provider_dreambooth.api.faults import classify
from airflow_provider_dreambooth.exceptions import Acceptance, DreamboothTransientError

_SHOWN = 300


def flatten(value: Any) -> str:
    """
    Return a message as one line of text.

    The service sends a string, an object of field and list of texts, or an array (quirk Q2).

    :param value: whatever stands under ``messege`` or ``message``.
    """
    if value is None or value is False:
        return ""
    if isinstance(value, str):
        return " ".join(value.split())
    if isinstance(value, Mapping):
        parts = [f"{field}: {text}" for field, item in value.items() if (text := flatten(item))]
        return "; ".join(parts)
    if isinstance(value, (list, tuple)):
        return "; ".join(text for item in value if (text := flatten(item)))
    return str(value)


def message_of(document: Any) -> str:
    """Return the message of an answer, under either spelling of the key, the non-empty one first (quirk Q1)."""
    if not isinstance(document, Mapping):
        return ""
    for key in ("messege", "message", "error", "errors", "detail"):
        text = flatten(document.get(key))
        if text:
            return text
    return ""


def seconds_in(value: Any) -> float | None:
    """Read a number of seconds that may be a number or text; ``None`` for anything else or below zero."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if 0 <= seconds < float("inf") else None


def decode(answer: Answer, about: str) -> Any:
    """
    Return the JSON document of an answer.

    :raises DreamboothError: by the HTTP code alone when the body is no JSON (HTML page, empty, cut short).
    """
    try:
        return json.loads(answer.body)
    except (ValueError, UnicodeDecodeError, RecursionError):
        pass
    start = answer.body[:4000].decode("utf-8", "replace").strip()
    kind = "an empty body" if not start else "an HTML page" if start[:1] == "<" else "a body that is not JSON"
    error = classify(
        http_status=answer.status,
        text="",
        about=about,
        retry_after=seconds_in(answer.headers.get("retry-after")),
        raw=start[:_SHOWN],
        unreadable=kind,
    )
    raise error


def is_route_missing(answer: Answer) -> bool:
    """
    Whether the server has no such route, as opposed to no such training.

    A 404 or 405 without the service's own envelope (``status``) comes from the router.
    """
    if answer.status not in (404, 405):
        return False
    try:
        document = json.loads(answer.body)
    except ValueError:
        return True
    return not (isinstance(document, Mapping) and isinstance(document.get("status"), str))


def error_in(document: Any, answer: Answer, about: str) -> Exception | None:
    """
    Return the error that a document means, or ``None`` when it reports none.

    :param document: the decoded JSON.
    :param answer: the answer that it came in, for the HTTP code and ``Retry-After``.
    :param about: what the call is about, for the message.
    """
    verdict = document.get("status") if isinstance(document, Mapping) else None
    verdict = verdict.strip().lower() if isinstance(verdict, str) else None
    if verdict not in ("error", "failed", "fail") and (verdict is not None or answer.status < 300):
        return None
    tips = {} if not isinstance(document, Mapping) else document
    text = message_of(document)
    raw_message = tips.get("messege") or tips.get("message")
    return classify(
        http_status=answer.status,
        text=text,
        about=about,
        fields=tuple(raw_message) if isinstance(raw_message, Mapping) else (),
        tip=flatten(tips.get("tip") or tips.get("tips")),
        retry_after=seconds_in(tips.get("retry_after")) or seconds_in(answer.headers.get("retry-after")),
        raw=text[:_SHOWN],
    )


def unreadable(about: str, what: str, **details: Any) -> DreamboothTransientError:
    """Return the error for an answer that is JSON but not of the documented shape."""
    return DreamboothTransientError(
        f"The service answered the call about {about} with {what}. "
        "This is taken for a passing fault; if it stays, the service has changed its answers.",
        acceptance=Acceptance.UNKNOWN,
        **details,
    )
