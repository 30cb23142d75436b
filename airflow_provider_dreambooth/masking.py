"""The API key is never shown: not in a message, a log line or the service's own words."""

from __future__ import annotations

import json
import re
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


class Mask:
    """
    Replaces one key wherever it occurs.

    :param key: the API key.
    """

    def __init__(self, key: str) -> None:
        spellings = {key, quote(key, safe=""), json.dumps(key)[1:-1], repr(key)[1:-1]}
        self._spellings = tuple(sorted((text for text in spellings if text), key=len, reverse=True))
        pattern = _anywhere if len(key) >= _SHORTEST_SECRET else _as_a_word
        self._in_texts = tuple(re.compile(pattern(text)) for text in self._spellings)
        self._in_bytes = tuple(text.encode() for text in self._spellings)
        plain_word = key.isalpha() and len(key) < 2 * _SHORTEST_SECRET
        self._secret = len(key) >= _SHORTEST_SECRET and not plain_word

    def __repr__(self) -> str:
        return "Mask()"

    def in_text(self, text: str) -> str:
        """Return the text without the key."""
        for pattern in self._in_texts:
            text = pattern.sub(MASKED, text)
        return text

    def in_answer(self, answer: Answer) -> Answer:
        """Return an answer without the key, for a server that echoes it."""
        if not self._secret or not any(spelling in answer.body for spelling in self._in_bytes):
            return answer
        body = answer.body
        for spelling in self._in_bytes:
            body = body.replace(spelling, MASKED.encode())
        return Answer(answer.status, body, answer.headers)

    def in_error(self, error: DreamboothError) -> DreamboothError:
        """Take the key out of an error's message and raw answer, and return the error."""
        message = self.in_text(error.message)
        if message != error.message:
            error.message = message
            error.args = (message, *error.args[1:])
        if isinstance(error.raw, str):
            error.raw = self.in_text(error.raw)
        return error


def _anywhere(text: str) -> str:
    return re.escape(text)


def _as_a_word(text: str) -> str:
    before = _BEFORE if text[0].isalnum() else ""
    after = _AFTER if text[-1].isalnum() else ""
    return f"{before}{re.escape(text)}{after}"
