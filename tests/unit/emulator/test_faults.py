# SPDX-License-Identifier: Apache-2.0
"""Bad answers on demand: by control endpoint, by request, before and after acceptance."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.emulator.faults import KINDS


@pytest.mark.parametrize(
    ("kind", "code", "text"),
    [
        ("http_500", 500, "Internal server error. Please try again."),
        ("http_502_html", 502, "<html>"),
        ("http_503", 503, "Service temporarily unavailable. Please try again later."),
        ("html_200", 200, "<html>"),
        ("not_json", 200, '{"status":"success","messege":'),
        ("empty", 200, ""),
        ("rate_limit_429", 429, "Rate limit exceeded"),
        ("rate_limit_200", 200, "Rate limit exceeded"),
        ("spam_filter", 429, "Rate limit exceeded"),
        ("invalid_key", 401, "Invalid Api Key"),
        ("no_credits", 402, "Insufficient credits"),
        ("not_found", 404, "Training not found"),
        ("failed_try_again", 200, "Failed, Try Again"),
    ],
)
def test_each_kind_spoils_exactly_as_many_calls_as_asked(
    emulate: Any, kind: str, code: int, text: str
) -> None:
    emulated = emulate()
    assert emulated.fault(endpoint="finetune_list", kind=kind, times=1).status_code == 201
    bad = emulated.post("v3/finetune_list")
    assert bad.status_code == code
    assert text in bad.text
    assert emulated.answer("v3/finetune_list")["messege"] == "model list"


def test_every_kind_is_listed() -> None:
    assert {"cut", "truncated", "delay", "timeout", "custom"} < set(KINDS)


def test_a_429_says_when_to_come_back_in_header_and_body(emulate: Any) -> None:
    emulated = emulate()
    emulated.fault(kind="rate_limit_429", seconds=7)
    answer = emulated.post("v3/finetune_list")
    assert answer.headers["retry-after"] == "7"
    assert answer.json()["retry_after"] == 7


def test_a_fault_before_acceptance_pays_nothing_and_one_after_it_does(emulate: Any) -> None:
    emulated = emulate()
    emulated.fault(endpoint="create", kind="http_502_html", when="before", times=1)
    assert emulated.create().status_code == 502
    assert emulated.trainings() == []
    emulated.fault(endpoint="fine_tune", kind="http_502_html", when="after", times=1)
    assert emulated.create().status_code == 502
    assert len(emulated.trainings()) == 1
    assert emulated.answer("v3/finetune_list")["data"] == [emulated.trainings()[0]["training_id"]]


def test_a_rule_can_let_calls_pass_and_be_about_one_training(emulate: Any) -> None:
    emulated = emulate()
    one, other = (emulated.create().json()["training_id"] for _ in range(2))
    emulated.fault(endpoint="status", kind="http_500", after=1, times=1, training_id=one)
    codes = [emulated.post(f"v3/fine_tune_status/{it}").status_code for it in (one, other, one, other, one)]
    assert codes == [200, 200, 500, 200, 200]


def test_code_body_and_headers_can_be_overridden(emulate: Any) -> None:
    emulated = emulate()
    emulated.fault(kind="custom", status=418, body={"a": 1}, headers={"X-Why": "test"})
    answer = emulated.post("v3/finetune_list")
    assert (answer.status_code, answer.json(), answer.headers["x-why"]) == (418, {"a": 1}, "test")


def test_a_delay_is_followed_by_the_real_answer(emulate: Any) -> None:
    emulated = emulate()
    emulated.fault(kind="delay", delay=0.01, endpoint="create", times=1)
    assert emulated.create().json()["messege"] == "deploying_gpu"
    assert emulated.http.get("/emulator/faults").json()["rules"][0]["applied"] == 1


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "nonsense"},
        {"kind": "http_500", "endpoint": "nowhere"},
        {"kind": "http_500", "when": "later"},
        {"kind": "http_500", "tiems": 1},
        {"kind": "http_500", "times": "two"},
        {"kind": "http_500", "headers": 1},
        {"kind": "http_500", "headers": {"x": "a\r\nb"}},
        {"kind": "http_500", "status": "ok"},
        {"kind": "http_500", "status": 99},
        {"kind": "delay", "seconds": -1},
        {"kind": "http_500", "times": True},
        {"kind": ["http_500"]},
        {"kind": "http_500", "endpoint": {}},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(emulate: Any, rule: dict[str, Any]) -> None:
    answer = emulate().fault(**rule)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_faults_can_be_cleared(emulate: Any) -> None:
    emulated = emulate()
    emulated.fault(kind="http_500")
    assert emulated.post("v3/finetune_list").status_code == 500
    emulated.http.delete("/emulator/faults")
    assert emulated.post("v3/finetune_list").status_code == 200


def test_a_request_can_ask_for_its_own_bad_answer(emulate: Any) -> None:
    emulated = emulate()
    assert emulated.create(emulator={"fault": "http_503"}).status_code == 503
    assert emulated.trainings() == []
    lost = emulated.create(emulator={"fault": {"kind": "empty", "when": "after"}})
    assert (lost.status_code, lost.text) == (200, "")
    assert len(emulated.trainings()) == 1
    assert emulated.create(emulator={"fault": "nonsense"}).status_code == 400


def test_faults_can_come_from_the_command_line(emulate: Any) -> None:
    emulated = emulate(fault=['{"endpoint":"finetune_list","kind":"http_500","times":1}'])
    assert [emulated.post("v3/finetune_list").status_code for _ in range(2)] == [500, 200]


def test_a_download_of_an_image_can_be_spoiled_too(emulate: Any) -> None:
    emulated = emulate()
    link = emulated.answer("v4/dreambooth", model_id="sdxl", prompt="x")["output"][0]
    emulated.fault(endpoint="picture", kind="http_503", times=1)
    assert [emulated.http.get(link).status_code for _ in range(2)] == [503, 200]


OBSERVED_ALONE: dict[str, dict[str, Any]] = {
    "public_models": {"model_subcategory": "lora", "instance_prompt": None},
    "request_not_found": {"status": "failed", "id": "", "message": "Request not found", "output": ""},
    "invalid_api_request": {"status": "error", "message": "Invalid API Request"},
    "request_processing": {"status": "processing", "messege": "Request processing"},
}


@pytest.mark.parametrize("kind", OBSERVED_ALONE)
def test_an_observed_answer_comes_in_place_of_the_real_one_with_http_200(emulate: Any, kind: str) -> None:
    emulated = emulate()
    emulated.fault(kind=kind)
    answer = emulated.post("v6/images/text2img", model_id="sdxl", prompt="x")
    body = answer.json()[0] if isinstance(answer.json(), list) else answer.json()
    assert answer.status_code == 200
    assert OBSERVED_ALONE[kind].items() <= body.items()
    assert emulated.service.renderings == {}


@pytest.mark.parametrize("render", [0.0, 30.0])
@pytest.mark.parametrize(
    ("kind", "status", "keys"),
    [
        ("old_processing", "processing", {"messege", "tip", "tip_1", "eta", "fetch_result", "future_links"}),
        ("v6_processing", "processing", {"message", "eta", "fetch_result", "future_links"}),
        ("fetched_without_meta", "success", {"proxy_links", "tip"}),
        ("v6_success", "success", {"generationTime", "proxy_links", "nsfw_content_detected", "meta"}),
    ],
)
def test_an_observed_answer_keeps_the_id_and_the_links_of_the_real_one(
    emulate: Any, render: float, kind: str, status: str, keys: set[str]
) -> None:
    emulated = emulate(render=render)
    emulated.fault(kind=kind, times=1)
    body = emulated.answer("v6/images/text2img", model_id="sdxl", prompt="x")
    assert body["status"] == status
    assert keys <= set(body)
    rendering = emulated.service.renderings[body["id"]]
    assert rendering.links() in (body["output"], body.get("future_links"))


def test_the_oldest_processing_answer_escapes_its_slashes(emulate: Any) -> None:
    emulated = emulate()
    emulated.fault(kind="old_processing")
    text = emulated.post("v4/dreambooth", model_id="sdxl", prompt="x").text
    assert r"http:\/\/testserver\/generations" in text


def test_an_observed_lora_start_names_the_id_twice_and_lacks_the_dot(emulate: Any) -> None:
    emulated = emulate(create_ids="training_id")
    emulated.fault(kind="lora_created")
    answer = emulated.create("v3/lora_fine_tune").json()
    assert answer["training_id"] == answer["model_id"] == emulated.trainings()[0]["training_id"]
    assert answer["data"] == "it will take upto 30 minutes"


def test_a_refusal_is_not_rewritten(emulate: Any) -> None:
    emulated = emulate()
    emulated.fault(kind="v6_success")
    assert emulated.post("v6/images/text2img", model_id="nobody", prompt="x").status_code == 404
    assert emulated.answer("v3/finetune_list")["messege"] == "model list"
