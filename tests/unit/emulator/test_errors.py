# SPDX-License-Identifier: Apache-2.0
"""What the service refuses, by today's codes and in 2023's way."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.mark.parametrize(("codes", "expected"), [("today", 401), ("2023", 200)])
def test_a_bad_key_is_refused_as_documented(emulate: Any, codes: str, expected: int) -> None:
    emulated = emulate(http_codes=codes, key=["right", "also right"])
    answer = emulated.post("v3/finetune_list", key="wrong")
    assert answer.status_code == expected
    assert answer.json()["status"] == "error"
    assert answer.json()["message"] == "Invalid Api Key"
    assert "tip" in answer.json()
    assert emulated.post("v3/finetune_list", key="also right").status_code == 200


@pytest.mark.parametrize("key", ["", "   ", None, 5])
def test_without_configured_keys_any_text_but_none_is_accepted(emulate: Any, key: Any) -> None:
    assert emulate().post("v3/finetune_list", key=key).json()["message"] == "Invalid Api Key"
    assert emulate().post("v3/finetune_list", key="anything").status_code == 200


def test_broken_json_and_a_missing_header_look_like_a_bad_key(emulate: Any) -> None:
    http = emulate().http
    broken = http.post("/api/v3/finetune_list", content="{", headers={"content-type": "application/json"})
    unmarked = http.post("/api/v3/finetune_list", content='{"key":"k"}')
    form = http.post("/api/v3/finetune_list", data={"key": "k"})
    assert {it.json()["message"] for it in (broken, unmarked, form)} == {"Invalid Api Key"}


def test_only_post_is_served(emulate: Any) -> None:
    http = emulate().http
    assert http.get("/api/v3/finetune_list").status_code == 405
    assert http.post("/api/v3/nothing_here", json={"key": "k"}).status_code == 404


@pytest.mark.parametrize("missing", ["instance_prompt", "class_prompt", "images"])
def test_a_missing_field_is_named_in_todays_and_in_2023s_words(emulate: Any, missing: str) -> None:
    today = emulate().create(**{missing: None})
    assert today.status_code == 400
    assert today.json() == {"status": "error", "message": f"{missing} is required"}
    old = emulate(http_codes="2023").create(**{missing: ""})
    assert old.status_code == 200
    words = missing.replace("_", " ")
    assert old.json() == {"status": "error", "message": {missing: [f"The {words} field is required."]}}


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("v3/fine_tune", "images", "https://example.com/1.png"),
        ("v3/fine_tune", "images", [1, 2, 3]),
        ("v3/fine_tune", "max_train_steps", "2001"),
        ("v3/fine_tune", "max_train_steps", "many"),
        ("sandbox/v3/fine_tune", "max_train_steps", "0"),
        ("v3/fine_tune_v2", "learning_rate_unet", "1e-4"),
        ("v3/fine_tune_v2", "learning_rate_text_encoder", 0.1),
        ("v3/lora_fine_tune", "max_train_steps", "51"),
        ("v3/lora_fine_tune", "lora_type", "lokr"),
        ("v3/lora_fine_tune", "base_model_type", "sd3"),
    ],
)
def test_a_bad_value_is_refused_and_costs_nothing(emulate: Any, path: str, field: str, value: Any) -> None:
    emulated = emulate()
    answer = emulated.create(path, **{field: value})
    assert answer.status_code == 400
    assert field in answer.json()["message"]
    assert emulated.trainings() == []


@pytest.mark.parametrize(
    ("path", "field", "value"),
    [
        ("v3/fine_tune", "training_type", "women"),
        ("v3/fine_tune", "training_type", "null"),
        ("v3/fine_tune", "seed", None),
        ("v3/fine_tune", "max_train_steps", 2000),
        ("v3/fine_tune_v2", "learning_rate_unet", "2e-0"),
        ("v3/fine_tune_v2", "max_train_steps", "999999"),
        ("sandbox/v3/fine_tune", "base_model_id", "unknown here"),
        ("v3/lora_fine_tune", "max_train_steps", "10"),
    ],
)
def test_what_the_service_takes_or_ignores_is_accepted(
    emulate: Any, path: str, field: str, value: Any
) -> None:
    assert emulate().create(path, **{field: value}).status_code == 200


def test_base_model_and_lora_epochs_can_be_insisted_on(emulate: Any) -> None:
    strict = emulate(require_base_model=True)
    assert strict.create().json()["message"] == "base_model_id is required"
    assert strict.create("sandbox/v3/fine_tune").status_code == 200
    assert emulate(lora_steps="2023").create("v3/lora_fine_tune", max_train_steps="2").status_code == 200


@pytest.mark.parametrize("spelling", ["messege", "message"])
def test_one_message_key_can_be_forced(emulate: Any, spelling: str) -> None:
    emulated = emulate(message_key=spelling)
    assert spelling in emulated.create().json()
    assert emulated.answer("v3/fine_tune_status/unknown")[spelling] == "Training not found"
    assert emulated.answer("v3/finetune_list", key="")[spelling] == "Invalid Api Key"


def test_the_stage_can_come_under_its_other_key(emulate: Any) -> None:
    emulated = emulate(stage_key="model_training_status")
    answer = emulated.answer(f"v3/fine_tune_status/{emulated.trained()}")
    assert answer["model_training_status"] == "model_ready"
    assert "messege" not in answer


@pytest.mark.parametrize(("codes", "expected"), [("today", 429), ("2023", 200)])
def test_the_spam_filter_refuses_the_same_request_for_a_while(
    emulate: Any, codes: str, expected: int
) -> None:
    emulated = emulate(spam_filter=30.0, http_codes=codes)
    assert emulated.create().json()["status"] == "success"
    emulated.clock.advance(29)
    again = emulated.create()
    assert (again.status_code, again.json()["message"]) == (expected, "Rate limit exceeded")
    assert "30 seconds" in again.json()["tips"]
    assert emulated.create(seed="1").json()["status"] == "success"
    emulated.clock.advance(1)
    assert emulated.create().json()["status"] == "success"
    assert len(emulated.trainings()) == 3


def test_the_spam_filter_can_leave_polls_alone(emulate: Any) -> None:
    emulated = emulate(spam_filter=30.0, spam_filter_scope="create")
    assert [emulated.post("v3/finetune_list").status_code for _ in range(2)] == [200, 200]


def test_a_full_queue_says_when_to_come_back(emulate: Any) -> None:
    emulated = emulate(queue_limit=5, queue_counts="trainings")
    assert [emulated.create().status_code for _ in range(5)] == [200] * 5
    refused = emulated.create()
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "30"
    assert refused.json() == {
        "status": "error",
        "message": "Rate limit exceeded. Maximum 5 queued requests allowed.",
        "retry_after": 30,
    }
    emulated.clock.advance(2100)
    assert emulated.create().status_code == 200


def test_no_key_is_kept_or_shown(emulate: Any) -> None:
    emulated = emulate()
    secret = "very-secret-api-key-0123456789"
    emulated.post(
        "v3/fine_tune", key=secret, instance_prompt="a", class_prompt="b", images=["x"], wandb_key="wb-9"
    )
    emulated.post("v3/finetune_list", key=secret)
    shown = "".join(
        emulated.http.get(f"/emulator/{page}").text for page in ("trainings", "renders", "requests", "faults")
    )
    assert "very-secret" not in shown
    assert "wb-9" not in shown
    assert secret not in repr(vars(emulated.service)) + repr(emulated.service.trainings)
