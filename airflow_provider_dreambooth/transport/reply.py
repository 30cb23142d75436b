# SPDX-License-Identifier: Apache-2.0
"""What went over the wire, as values: a request body that does not print, and what came back, bounded and decoded."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from airflow_provider_dreambooth.api.answer import document_in, seconds_in

#: Most bytes of an answer, decoded. The longest real ones, lists of thousands of models, are below 2 MB.
LARGEST_ANSWER = 8 * 1024 * 1024
#: Seconds that the service's wish to wait may last at most, whatever it says.
LONGEST_RETRY_AFTER = 600.0


class Body:
    """The bytes of a request. They hold the key: no frame, of ours or of a library, gets them as a value that prints."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"

    def __len__(self) -> int:
        return len(self._content)

    @property
    def content(self) -> bytes:
        return self._content


@dataclass(frozen=True)
class Failure:
    """
    Why an exchange has no whole answer, in our words: exceptions of HTTP libraries hold the request.

    :param kind: one of ``refused``, ``unresolved``, ``untrusted``, ``tls``, ``timeout``, ``proxy``, ``setup``,
        ``forbidden``, ``cut``.
    :param detail: what the library or the system adds, for a person.
    """

    kind: str
    detail: str = ""


@dataclass
class Reply:
    """
    How one exchange ended.

    :param sent: bytes of the request went out, so that it may have been accepted.
    :param status: HTTP code, 0 when no answer began.
    :param headers: the answer's, found by any capitals.
    :param body: as many of its bytes as came, still encoded.
    :param failure: why the answer is not whole.
    :param too_large: it was longer than allowed and not read to its end.
    :param proxy: the proxy that it went through, without user and password.
    """

    sent: bool = False
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    failure: Failure | None = None
    too_large: bool = False
    proxy: str | None = None

    def decode(self, limit: int) -> None:
        """
        Undo the content encoding, within a limit: a few kilobytes of gzip can become gigabytes.

        None is asked for, but some servers encode all the same. What does not decode is left as it is: a header that
        lies must not make a good answer unreadable.

        :param limit: most bytes afterwards.
        """
        encoding = (self.headers.get("Content-Encoding") or "").strip().lower()
        if encoding not in ("gzip", "x-gzip", "deflate") or not self.body:
            return
        for window in (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS):
            decoder = zlib.decompressobj(window)
            try:
                decoded = decoder.decompress(self.body, limit + 1)
            except zlib.error:
                continue
            self.too_large = self.too_large or len(decoded) > limit
            self.body = decoded
            return

    def is_whole(self) -> bool:
        """
        Whether the answer can be read: nothing failed, or what came before is a complete JSON document.

        A server that announces more bytes than it sends has answered all the same.
        """
        if self.failure is None:
            return not self.too_large
        try:
            return isinstance(document_in(self.body), dict | list)
        except ValueError:
            return False

    def retry_after(self) -> float | None:
        """Return the seconds that the answer's header asks to wait, within bounds."""
        value = self.headers.get("Retry-After")
        if value is None:
            return None
        seconds = seconds_in(value)
        if seconds is None:
            try:
                moment = parsedate_to_datetime(value)
                moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
                seconds = (moment - datetime.now(UTC)).total_seconds()
            except (ValueError, TypeError, OverflowError, IndexError):
                return None
        return float(round(min(max(0.0, seconds), LONGEST_RETRY_AFTER)))
