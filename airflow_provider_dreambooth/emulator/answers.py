# SPDX-License-Identifier: Apache-2.0
"""The bodies the service answers with, in the spelling and with the codes that the options ask for."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from airflow_provider_dreambooth.emulator.options import Options

JSON_HEADERS: tuple[tuple[bytes, bytes], ...] = ((b"content-type", b"application/json"),)
# The documentation announces four hints and they are not quoted anywhere: the wording is invented.
_KEY_TIP = (
    "1. Check that the key is complete. 2. Send the key in the JSON body. "
    "3. Send the header Content-Type: application/json. 4. Check that the body is valid JSON."
)


@dataclasses.dataclass(slots=True)
class Answer:
    """One HTTP answer.

    :param http_status: the code on the wire.
    :param body: the bytes of the body.
    :param headers: headers besides the length.
    """

    http_status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = JSON_HEADERS


def as_json(value: Any) -> bytes:
    """Write a value as compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Answers:
    """Builds answers by the options."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def key(self, documented: str) -> str:
        """Return the key a message goes under.

        :param documented: the spelling on the page that documents this answer.
        """
        return documented if self._options.message_key == "documented" else self._options.message_key

    def no_output(self) -> list[str] | str:
        """Return what stands under `output` while there is none."""
        return [] if self._options.empty_output == "list" else ""

    def http(self, code: int) -> int:
        """Return the HTTP code an error is sent with.

        :param code: today's code.
        """
        return 200 if self._options.http_codes == "2023" else code

    def json(self, value: Any, code: int = 200) -> Answer:
        """Answer with JSON."""
        return Answer(code, as_json(value))

    def success(self, message: str, **fields: Any) -> Answer:
        """Answer in the shape of the training pages.

        :param message: goes under `messege`.
        :param fields: what follows it.
        """
        return self.json({"status": "success", self.key("messege"): message, **fields})

    def error(self, http_status: int, message: Any, spelling: str = "message", **fields: Any) -> Answer:
        """Answer with an error.

        :param http_status: today's HTTP code.
        :param message: a text, or an object of lists.
        :param spelling: the documented key of the message.
        :param fields: siblings such as `tip` and `retry_after`.
        """
        return self.json({"status": "error", self.key(spelling): message, **fields}, self.http(http_status))

    def invalid_key(self) -> Answer:
        """Refuse the key; also the answer to a missing JSON header and to broken JSON."""
        return self.error(401, "Invalid Api Key", tip=_KEY_TIP)

    def invalid(self, problems: dict[str, list[tuple[str, str]]]) -> Answer:
        """Refuse fields.

        :param problems: field -> (2023 text, today's text) pairs.
        """
        style = self._options.validation_style
        if style == "object" or (style == "auto" and self._options.http_codes == "2023"):
            return self.error(400, {field: [old for old, _ in texts] for field, texts in problems.items()})
        first = next(iter(problems.values()))
        return self.error(400, first[0][1])

    def training_not_found(self) -> Answer:
        """Deny a training id. The schema is documented (404, `messege`, `code`), the text is invented."""
        return self.error(404, "Training not found", "messege", code=404)

    def model_not_found(self, model_id: str) -> Answer:
        """Deny a model id, in 2023's or today's words."""
        if self._options.http_codes == "2023":
            return self.error(404, "Model not found", "messege")
        return self.error(404, f"Model not found: {model_id}")

    def no_credits(self) -> Answer:
        """Refuse for lack of credits. For v3 trainings the text is invented."""
        return self.error(402, self._options.no_credits_text)

    def spam_filter(self, seconds: float) -> Answer:
        """Refuse a repeated request.

        :param seconds: how long the filter remembers.
        """
        tips = f"Same request detected again, please wait for {seconds:g} seconds before you send it again"
        return self.error(429, "Rate limit exceeded", tips=tips)

    def queue_full(self, limit: int, retry_after: int = 30) -> Answer:
        """Refuse because too much is queued.

        :param limit: the plan's limit.
        :param retry_after: seconds to wait.
        """
        message = f"Rate limit exceeded. Maximum {limit} queued requests allowed."
        answer = self.error(429, message, retry_after=retry_after)
        # Invented: no source shows the headers of a 429.
        answer.headers = (*JSON_HEADERS, (b"retry-after", str(retry_after).encode()))
        return answer

    def failed_try_again(self) -> Answer:
        """Answer that a render failed; HTTP 200 in every source."""
        return self.json(
            {"status": "failed", "id": "", self.key("message"): "Failed, Try Again", "output": ""}
        )

    def no_route(self, path: str) -> Answer:
        """Answer for a path that is not served. Invented: the framework's usual text, always 404."""
        return self.json({"message": f"The route {path.lstrip('/')} could not be found."}, 404)

    def wrong_method(self, method: str) -> Answer:
        """Answer to anything but POST. Invented: the framework's usual text, always 405."""
        text = f"The {method} method is not supported for this route. Supported methods: POST."
        return Answer(405, as_json({"message": text}), (*JSON_HEADERS, (b"allow", b"POST")))
