# SPDX-License-Identifier: Apache-2.0
"""The bad and the odd answers by their names: made up at once, or out of the real answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from airflow_provider_dreambooth.emulator.answers import JSON_HEADERS, Answer, Answers, as_json
from airflow_provider_dreambooth.emulator.listing import list_item

_HTML_HEADERS = ((b"content-type", b"text/html; charset=UTF-8"),)
_HTML = (
    b"<!DOCTYPE html><html><head><title>502 Bad gateway</title></head><body><center><h1>502 Bad Gateway</h1>"
    b"</center><hr><center>cloudflare</center></body></html>"
)
_TIP = "Get 20x faster image generation using enterprise plan"
_JSON_TIP = (
    "1. Make sure that Content-Type is application/json. 2. Make sure that it is a POST with valid JSON. "
    "3. Check your JSON with a linter."
)


def _error(code: int, message: str, **fields: Any) -> Answer:
    return Answer(code, as_json({"status": "error", "message": message, **fields}))


def _ok(value: Any) -> Answer:
    return Answer(200, as_json(value))


def _queue_full(answers: Answers, seconds: float) -> Answer:
    answer = _error(429, "Rate limit exceeded. Maximum 5 queued requests allowed.", retry_after=seconds)
    answer.headers = (*JSON_HEADERS, (b"retry-after", f"{seconds:g}".encode()))
    return answer


def _rate_limit_200(answers: Answers, seconds: float) -> Answer:
    tips = f"Same request detected again, please wait for {seconds:g} seconds"
    return _ok({"status": "error", "message": "Rate limit exceeded", "tips": tips})


def _public_models(answers: Answers, seconds: float) -> Answer:
    created = "2025-07-09T20:52:08.000000Z"
    lora = list_item("example-v1-0", "model_ready", created, api_calls="999", model_subcategory="lora")
    voice = list_item("example-voice", "model_ready", created, model_category="audio", model_format=None)
    return _ok([lora, voice])


# Kind -> the answer, written without the real one. The second argument is the rule's `seconds`.
FIXED: dict[str, Callable[[Answers, float], Answer]] = {
    "http_500": lambda answers, seconds: _error(500, "Internal server error. Please try again."),
    "http_503": lambda answers, seconds: _error(
        503, "Service temporarily unavailable. Please try again later."
    ),
    "http_502_html": lambda answers, seconds: Answer(502, _HTML, _HTML_HEADERS),
    "html_200": lambda answers, seconds: Answer(200, _HTML, _HTML_HEADERS),
    "not_json": lambda answers, seconds: Answer(200, b'{"status":"success","messege":'),
    "empty": lambda answers, seconds: Answer(200, b""),
    "rate_limit_429": _queue_full,
    "rate_limit_200": _rate_limit_200,
    "spam_filter": lambda answers, seconds: answers.spam_filter(seconds),
    "invalid_key": lambda answers, seconds: answers.invalid_key(),
    "no_credits": lambda answers, seconds: answers.no_credits(),
    "not_found": lambda answers, seconds: answers.training_not_found(),
    "failed_try_again": lambda answers, seconds: answers.failed_try_again(),
    "custom": lambda answers, seconds: _ok({"status": "success"}),
    # Observed at the hosted service, as below.
    "public_models": _public_models,
    "request_not_found": lambda answers, seconds: _ok(
        {"status": "failed", "id": "", "message": "Request not found", "output": "", "tip": _TIP}
    ),
    "invalid_api_request": lambda answers, seconds: _ok(
        {"status": "error", "message": "Invalid API Request", "tip": _JSON_TIP}
    ),
    "request_processing": lambda answers, seconds: _ok(
        {"status": "processing", "messege": "Request processing"}
    ),
}


def _links(real: dict[str, Any]) -> Any:
    return real.get("future_links") or real.get("output") or []


def _old_processing(real: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": "processing",
        "tip": _TIP,
        "tip_1": "Get exclusive support with enterprise plan",
        "eta": real.get("eta", 6),
        "messege": "Try to fetch request after seconds estimated",
        "fetch_result": real.get("fetch_result", ""),
        "id": real["id"],
        "output": "",
        "future_links": _links(real),
    }


def _v6_processing(real: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": "processing",
        "message": "Try to fetch request after seconds estimated",
        "eta": real.get("eta", 10),
        "id": real["id"],
        "fetch_result": real.get("fetch_result", ""),
        "output": [],
        "future_links": _links(real),
    }


def _fetched_without_meta(real: dict[str, Any]) -> dict[str, Any]:
    return {
        "status": "success",
        "id": real["id"],
        "output": _links(real),
        "proxy_links": None,
        "tip": f"{_TIP}. Click here : http://sdapi_backend.test/enterprise",
    }


def _v6_success(real: dict[str, Any]) -> dict[str, Any]:
    meta = {"steps": 20, "lora": None, "lora_strength": 1, "safety_checker": "no", "file_prefix": "0.png"}
    return {
        "status": "success",
        "generationTime": 2.1,
        "id": real["id"],
        "output": _links(real),
        "proxy_links": _links(real),
        "nsfw_content_detected": False,
        "webhook_status": "",
        "meta": meta,
    }


def _lora_created(real: dict[str, Any]) -> dict[str, Any]:
    ident = real.get("training_id") or real["model_id"]
    return {
        "status": "success",
        "messege": "deploying_gpu",
        "data": "it will take upto 30 minutes",
        "training_id": ident,
        "model_id": ident,
    }


# Kind -> the answer with ids and links of the real one, whose call is carried out.
REWRITTEN: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "old_processing": _old_processing,
    "v6_processing": _v6_processing,
    "fetched_without_meta": _fetched_without_meta,
    "v6_success": _v6_success,
    "lora_created": _lora_created,
}


def rewritten(kind: str, real: Answer) -> Answer:
    """Return the real answer in another form; a refusal stays as it is.

    :param real: what the call led to.
    """
    # The emulator's own bytes: always JSON.
    body = json.loads(real.body)
    if not isinstance(body, dict) or body.get("status") not in ("success", "processing"):
        return real
    try:
        text = as_json(REWRITTEN[kind](body))
    except KeyError:
        # The rule covers another kind of call, such as a status.
        return real
    # Old answers escape their slashes, which is plain JSON.
    return Answer(real.http_status, text.replace(b"/", rb"\/") if kind == "old_processing" else text)
