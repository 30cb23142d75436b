# SPDX-License-Identifier: Apache-2.0
"""From the bytes of an answer to the document in it, or to the error that it means.

The body decides first, the HTTP code second: in 2023 errors came with HTTP 200, today they come with real
codes (quirk Q16). A body that cannot be read is a transient error, never a crash of the JSON parser.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from airflow_provider_dreambooth.api.call import Answer
from airflow_provider_dreambooth.api.errors import classify
from airflow_provider_dreambooth.api.scalar import number_in
from airflow_provider_dreambooth.exceptions import Acceptance, DreamboothError, DreamboothTransientError

_SHOWN = 300
#: Most characters of one text of the service that are kept.
LONGEST_TEXT = 2000
_MONTH = 30 * 86_400.0
#: Deeper than this nothing of a message is read; documented ones are two levels deep.
_DEEPEST = 20
#: Verdicts that ``status`` can hold (reference 2.5, 3.1, 5). Any other word leaves it to the HTTP code.
_GOOD_VERDICTS = frozenset({"success", "processing"})
_BAD_VERDICTS = frozenset({"error", "failed", "fail", "failure"})
#: Keys of a message object that name no field of the request.
_LABELS = frozenset(
    {"error", "errors", "message", "messege", "msg", "detail", "details", "code", "status", "tip", "tips"}
)
#: The duplicate filter names its pause only in words: "wait for 30 seconds" (documentation page "errors").
_PAUSE = re.compile(r"\bwait (?:for )?([0-9]{1,6}(?:\.[0-9]{1,6})?) ?s(?:ec|\b)", re.IGNORECASE)


def printable(text: str) -> str:
    """
    Return a text of the service as we show and store it: one line, cut when long, without signs that deceive.

    Control characters, half surrogates and marks that turn the direction of writing become spaces.

    :param text: as it came, of any length.
    """
    longer = len(text) > LONGEST_TEXT
    text = text[:LONGEST_TEXT]
    if not text.isprintable():
        text = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(text.split()) + ("…" if longer else "")


def flatten(value: Any) -> str:
    """
    Return a message as one line of text.

    The service sends a string, an object of field and list of texts, or an array (quirk Q2).

    :param value: whatever stands under ``messege`` or ``message``.
    """
    return printable(_flatten(value, _DEEPEST))


def _flatten(value: Any, levels: int) -> str:
    if value is None or isinstance(value, bool) or levels == 0:
        return ""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        found = ((printable(str(name)), _flatten(item, levels - 1)) for name, item in value.items())
        return "; ".join(
            text if name.lower() in _LABELS else f"{name}: {text}" for name, text in found if text
        )
    if isinstance(value, (list, tuple)):
        return "; ".join(text for item in value if (text := _flatten(item, levels - 1)))
    return str(value)


def message_of(document: Any) -> str:
    """Return the message of an answer, under either spelling of the key, the non-empty one (quirk Q1)."""
    if isinstance(document, str):
        return flatten(document)
    if not isinstance(document, Mapping):
        return ""
    for key in ("messege", "message", "error", "errors", "detail"):
        text = flatten(document.get(key))
        if text:
            return text
    return ""


def seconds_in(value: Any) -> float | None:
    """
    Read a number of seconds that may be a number or text; ``None`` for anything else or below zero.

    More than a month counts as a month: no time of this service is longer, and a date far enough away is none.
    """
    seconds = number_in(value)
    return None if seconds is None or seconds < 0 else min(seconds, _MONTH)


def document_in(body: bytes) -> Any:
    """
    Return the JSON document in these bytes.

    A text that is cut inside a character, or holds a raw line break, as logs of a training may, loses no good answer.

    :raises ValueError: there is none.
    """
    text = body.decode(json.detect_encoding(body), "replace").rstrip("\0 \t\r\n")
    try:
        return json.loads(text, strict=False)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def decode(answer: Answer, about: str) -> Any:
    """
    Return the JSON document of an answer.

    :param about: what the call is about, for the message.
    :raises DreamboothError: by the HTTP code alone when the body is no JSON (HTML page, empty, cut short).
    """
    try:
        return document_in(answer.body)
    except ValueError:
        pass
    start = printable(answer.body[:4000].decode("utf-8", "replace"))
    kind = "an empty body" if not start else "an HTML page" if start[:1] == "<" else "a body that is not JSON"
    error = classify(
        http_status=answer.status,
        text="",
        about=about,
        retry_after=answer.retry_after,
        raw=start[:_SHOWN],
        unreadable=kind,
    )
    if answer.status in (404, 405):
        # A page from a router that has no such path, as with a mistyped host: nobody there takes on a training.
        error.acceptance = Acceptance.NO
    raise error


def is_route_missing(answer: Answer) -> bool:
    """
    Whether the server has no such route, as opposed to no such training.

    A 404 or 405 without the service's own envelope (``status``) comes from the router.
    """
    if answer.status not in (404, 405):
        return False
    try:
        document = document_in(answer.body)
    except ValueError:
        return True
    return not (isinstance(document, Mapping) and isinstance(document.get("status"), str))


def _field_names(value: Any) -> tuple[str, ...]:
    """Return the names of the request's fields that a message object, or a list of them, complains about."""
    if isinstance(value, list):
        return tuple(
            name for item in value for name in (_field_names(item) if isinstance(item, Mapping) else ())
        )
    return tuple(name for name in value if name.lower() not in _LABELS) if isinstance(value, Mapping) else ()


def _reports_error(document: Any, http_status: int) -> bool:
    if isinstance(document, Mapping):
        verdict = document.get("status")
        word = verdict.strip().lower() if isinstance(verdict, str) else None
        if word in _GOOD_VERDICTS:
            return False
        if word in _BAD_VERDICTS or verdict is False:
            return True
        if word is None and (flatten(document.get("error")) or flatten(document.get("errors"))):
            return True
    return http_status >= 300


def error_in(document: Any, answer: Answer, about: str) -> DreamboothError | None:
    """
    Return the error that a document means, or ``None`` when it reports none.

    :param answer: the answer that it came in, for the HTTP code and ``Retry-After``.
    :param about: what the call is about, for the message.
    """
    if not _reports_error(document, answer.status):
        return None
    details: Mapping[str, Any] = document if isinstance(document, Mapping) else {}
    text = message_of(document)
    fields = _field_names(details.get("messege") or details.get("message"))
    if not fields:
        # Laravel's own form: one sentence under "message", the fields beside it.
        fields = _field_names(details.get("errors"))
        listed = flatten(details.get("errors"))
        if fields and listed not in text:
            text = f"{text} {listed}"
    tip = flatten(details.get("tip")) or flatten(details.get("tips"))
    retry_after = seconds_in(details.get("retry_after"))
    if retry_after is None:
        retry_after = answer.retry_after
    in_words = False
    if retry_after is None:
        pause = _PAUSE.search(tip) or _PAUSE.search(text)
        retry_after = float(pause[1]) if pause else None
        in_words = pause is not None
    code = details.get("code")
    told_code = code if isinstance(code, int) and not isinstance(code, bool) and 400 <= code < 600 else None
    return classify(
        http_status=answer.status,
        told_code=told_code if answer.status < 400 else None,
        text=text,
        about=about,
        fields=fields,
        tip=tip,
        retry_after=retry_after,
        in_words=in_words,
        raw=text[:_SHOWN],
    )


def unreadable(about: str, what: str, **details: Any) -> DreamboothTransientError:
    """
    Return the error for an answer that is JSON but not of the documented shape.

    :param about: what the call is about.
    :param what: what came instead, such as ``an answer without a link``.
    :param details: further arguments of the error.
    """
    return DreamboothTransientError(
        f"The service answered the call about {about} with {what}. "
        "This is treated as a transient error; if it persists, the service may have changed its API.",
        acceptance=Acceptance.UNKNOWN,
        **details,
    )
