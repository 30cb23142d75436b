"""The API key is never shown: not in a message, a log line or the service's own words."""

from __future__ import annotations

import json
from urllib.parse import quote

from airflow_provider_dreambooth.api.call import Answer
from airflow_provider_dreambooth.exceptions import DreamboothError

MASKED = "***"
#: A key as short or plain as ``demo`` (the emulator takes any word) is no secret and may be part of a link.
_SHORTEST_SECRET = 8


class Mask:
    """
    Replaces one key wherever it occurs.

    :param key: the API key.
    """

    def __init__(self, key: str) -> None:
        spellings = {key, quote(key, safe=""), json.dumps(key)[1:-1]}
        self._spellings = tuple(sorted((text for text in spellings if text), key=len, reverse=True))
        self._in_bytes = tuple(text.encode() for text in self._spellings)
        plain_word = key.isalpha() and len(key) < 2 * _SHORTEST_SECRET
        self._secret = len(key) >= _SHORTEST_SECRET and not plain_word

    def __repr__(self) -> str:
        return "Mask()"

    def in_text(self, text: str) -> str:
        """Return the text without the key."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, MASKED)
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
