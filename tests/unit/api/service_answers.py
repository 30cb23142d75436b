# SPDX-License-Identifier: Apache-2.0
"""The service's answers as its documentation prints them, and the way to read one."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from airflow_provider_dreambooth.api.call import Answer, ApiCall
from airflow_provider_dreambooth.api.reading import read_answer
from airflow_provider_dreambooth.exceptions import DreamboothError

Result = TypeVar("Result")

CREATED = """{"status":"success","messege":"deploying_gpu","data":"it will take upto 25 minutes.",
"training_id":"F5jvdzGnYi"}"""
STATUS = (
    '{"status":"success","messege":"model_ready",'
    '"data":" /n Step:1 Training Started, 5 Steps to go : ETA : 30 minutes /n Step:2 Training Done, 4 Steps to go : '
    "ETA : 15 minutes /n Step:3 Model Uploading, 3 Steps to go : ETA : 10 minutes /n  /n Step:4 Model Uploaded, "
    '2 Steps to go : ETA : 5 minutes /n Model loaded successfully"}'
)
EMPTY_LIST = '{"status":"success","messege":"model list","data":[]}'
UPLOADED = (
    '{"status":"success","messege":"image uploaded","link":"https://images.example/a.png","request_id":2398}'
)
RENDERED = """{"status":"success","generationTime":2.01,"id":12632768,"output":["https://images.example/x-0.png"],
"meta":{"W":512,"H":512,"model_id":"F5jvdzGnYi","seed":4036347397,"steps":20,"n_samples":1,"file_prefix":"x",
"safetychecker":"no"}}"""
PROCESSING = """{"status":"processing","tip":"for faster speed","eta":29.247986918400002,
"messege":"Try to fetch request after given estimated time","webhook_status":"",
"fetch_result":"https://stablediffusionapi.com/api/v3/dreambooth/fetch/13481504","id":13481504,"output":[],"meta":{}}"""
FETCHED = '{"status":"success","id":12202888,"output":["https://images.example/y-0.png"]}'
RENDERED_V6 = """{"status":"success","generationTime":2.1,"id":1,"output":["https://example.invalid/0.png"],
"proxy_links":["https://example.invalid/p0.png"],"nsfw_content_detected":false,"webhook_status":"",
"meta":{"steps":20,"lora":null,"lora_strength":1,"safety_checker":"no","file_prefix":"<uuid>.png"}}"""
PROCESSING_V6 = """{"status":"processing","message":"Try to fetch request after seconds estimated","eta":10,"id":1,
"fetch_result":"https://example.invalid/api/v6/images/fetch/1","output":[],
"future_links":["https://example.invalid/0.png"]}"""
TRY_AGAIN = '{"status":"failed","id":"","message":"Failed, Try Again","output":""}'
INVALID_KEY = '{"status":"error","message":"Invalid Api Key","tip":"1. Check the key 2. Send JSON"}'
REQUIRED = '{"status":"error","message":{"prompt":["The prompt field is required."]}}'
SPAM = (
    '{"status":"error","message":"Rate limit exceeded","tips":"please wait for 30 seconds before the next"}'
)

IMAGES = [f"https://images.example/{number}.png" for number in range(7)]


def answer(document: Any, http_status: int = 200, retry_after: float | None = None) -> Answer:
    """An answer with this body: text and bytes as they are, anything else as JSON."""
    text = document if isinstance(document, (str, bytes)) else json.dumps(document)
    body = text.encode() if isinstance(text, str) else text
    return Answer(http_status, body, retry_after)


def read(
    call: ApiCall[Result], document: Any, http_status: int = 200, retry_after: float | None = None
) -> Result:
    """What the answer means for the call."""
    return read_answer(call, answer(document, http_status, retry_after))


def error_of(
    call: ApiCall[Any], document: Any, http_status: int = 200, retry_after: float | None = None
) -> DreamboothError:
    """The error that the answer means for the call."""
    try:
        result = read(call, document, http_status, retry_after)
    except DreamboothError as error:
        return error
    raise AssertionError(f"no error but {result}")
