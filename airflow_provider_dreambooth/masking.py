# SPDX-License-Identifier: Apache-2.0
"""Secrets are never shown: not in a message, a log line, a rendered template or the service's own words."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from airflow_provider_dreambooth.api.call import Answer
from airflow_provider_dreambooth.exceptions import DreamboothError

MASKED = "***"
#: A key as short or plain as ``demo`` (the emulator takes any word) is no secret and may be part of a link. In texts it
#: is replaced as a word of its own, so that nobody reads of a "***nstration".
_SHORTEST_SECRET = 8
#: Before such a word: no letter or digit, unless it ends an escape such as ``%3D`` or a line break's.
_BEFORE = r"(?:(?<![^\W_])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[bfnrt]))"
_AFTER = r"(?![^\W_])"
#: Body fields that hold somebody's secret, such as ``wandb_key``, ``hf_token`` or ``api_key``; not ``tokenizer``.
_SECRET_NAME = re.compile(r"(?:^|[_-])(?:key|token|secret|password|passwd|credentials?)s?$", re.IGNORECASE)


class Mask:
    """
    Replaces secrets wherever they occur, also where JSON, a URL, HTML or Python's ``repr`` escapes them.

    :param secrets: the API key, and whatever else must not be shown. Empty ones are left out.
    """

    def __init__(self, *secrets: str) -> None:
        wanted = sorted({secret for secret in secrets if secret}, key=len, reverse=True)
        self._in_texts = tuple(re.compile(_pattern(secret)) for secret in wanted)
        self._in_bytes = tuple(
            (_traces(secret), re.compile(_pattern(secret).encode())) for secret in wanted if is_secret(secret)
        )

    def __repr__(self) -> str:
        return "Mask()"

    def in_text(self, text: str) -> str:
        """Return the text without the secrets."""
        for pattern in self._in_texts:
            text = pattern.sub(MASKED, text)
        return text

    def in_answer(self, answer: Answer) -> Answer:
        """Return an answer without the secrets, for a server that echoes them."""
        body = answer.body
        for traces, pattern in self._in_bytes:
            for trace in traces:
                if trace in body:
                    body = pattern.sub(MASKED.encode(), body)
                    break
        return answer if body == answer.body else replace(answer, body=body)

    def in_error(self, error: DreamboothError) -> DreamboothError:
        """Take the secrets out of an error's message and raw answer, and return the error."""
        message = self.in_text(error.message)
        if message != error.message:
            error.message = message
            error.args = (message, *error.args[1:])
        if isinstance(error.raw, str):
            error.raw = self.in_text(error.raw)
        return error


def without_secrets(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return body fields as they may be shown or stored: the value of a field named like a secret is ``***``.

    :param parameters: field name -> value, nested as deeply as JSON is.
    """
    return {
        name: MASKED if value and _names_secret(name) else _shown(value) for name, value in parameters.items()
    }


def secrets_in(value: Any) -> Iterator[str]:
    """
    Yield the texts that :func:`without_secrets` would hide, for Airflow's own masking.

    :param value: body fields, or a part of them.
    """
    if isinstance(value, Mapping):
        for name, item in value.items():
            if isinstance(item, str) and item and _names_secret(name):
                yield item
            else:
                yield from secrets_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from secrets_in(item)


def _shown(value: Any) -> Any:
    if isinstance(value, Mapping):
        return without_secrets(value)
    if isinstance(value, (list, tuple)):
        return [_shown(item) for item in value]
    return value


def _names_secret(name: Any) -> bool:
    return isinstance(name, str) and _SECRET_NAME.search(name) is not None


def is_secret(text: str) -> bool:
    """Whether a key is more than a plain or short word such as ``demo``, which may occur anywhere."""
    plain_word = text.isalpha() and len(text) < 2 * _SHORTEST_SECRET
    return len(text) >= _SHORTEST_SECRET and not plain_word


def _traces(secret: str) -> tuple[bytes, ...]:
    """Return what a body must hold if it holds the secret, plain or escaped; most answers hold none of it."""
    escapes = ("\\u", "%", "&#") if secret.isalnum() and secret.isascii() else ("\\", "%", "&", "+")
    return tuple(text.encode() for text in (secret, *escapes))


def _pattern(secret: str) -> str:
    pattern = "".join(map(_spellings, secret))
    if len(secret) >= _SHORTEST_SECRET:
        return pattern
    before = _BEFORE if secret[0].isalnum() else ""
    after = _AFTER if secret[-1].isalnum() else ""
    return f"{before}{pattern}{after}"


def _spellings(character: str) -> str:
    """Return a pattern for one character and its escapes: ``/``, ``\\/``, ``\\u002f``, ``%2F``, ``%252F``, ``&#47;``."""
    units = character.encode("utf-16-be")
    spellings = {
        re.escape(spelling)
        for spelling in (
            character,
            quote(character, safe=""),
            html.escape(character),
            json.dumps(character)[1:-1],
            repr(character)[1:-1],
        )
    }
    if not character.isalnum():
        spellings.add(r"\\+" + re.escape(character))
    if character == " ":
        spellings.add(r"\+")
    spellings |= {
        "".join(f"%(?:25)*{_hex(byte, 2)}" for byte in character.encode()),
        "".join(rf"\\+u{_hex(units[at] << 8 | units[at + 1], 4)}" for at in range(0, len(units), 2)),
        f"&#(?:0*{ord(character)}|[xX]0*{_hex(ord(character), 1)});",
    }
    return f"(?:{'|'.join(sorted(spellings, key=len, reverse=True))})"


def _hex(number: int, digits: int) -> str:
    return "".join(
        f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in f"{number:0{digits}x}"
    )
