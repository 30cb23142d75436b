# SPDX-License-Identifier: Apache-2.0
"""The v6 trainer: start, status, stop, and rendering with what it trained."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.unit.emulator.conftest import FOX

START, STATUS, STOP = "v6/trainer/train", "v6/trainer/status", "v6/trainer/stop"


def start(emulated: Any, **changes: Any) -> Any:
    body = {
        "trainer_id": "flux_lora_trainer",
        "images": FOX,
        "trigger_word": "zwxfox",
        "training_steps": 1000,
    }
    return emulated.post(START, **{**body, **changes})


def started(emulated: Any, **changes: Any) -> str:
    return str(start(emulated, **changes).json()["id"])


@pytest.mark.parametrize("key", ["id", "training_id", "request_id"])
def test_a_start_answers_a_uuid_under_the_chosen_key(emulate: Any, key: str) -> None:
    answer = start(emulate(trainer_id_key=key)).json()
    assert uuid.UUID(answer.pop(key)).version == 4
    assert answer == {"status": "success", "message": "training_started"}


def test_a_training_is_completed_before_its_inference_is_ready(emulate: Any) -> None:
    emulated = emulate()
    training_id = started(emulated)

    def data() -> Any:
        answer = emulated.answer(f"{STATUS}/{training_id}")
        assert answer["status"] == "success"
        assert answer["message"] == answer["data"]["status"]
        assert answer["data"]["id"] == training_id
        return answer["data"]

    assert data()["status"] == "training_started"
    emulated.clock.advance(1900)
    assert data()["status"] == "training_started"
    emulated.clock.advance(100)
    assert (data()["status"], data()["inference"]) == ("training_completed", {"status": "pending"})
    emulated.clock.advance(100)
    inference = data()["inference"]
    assert inference["status"] == "ready"
    assert inference["url"] == "http://testserver/api/v6/images/text2img"
    rendered = emulated.answer(inference["url"].partition("/api/")[2], **inference["request"])
    assert rendered["status"] == "success"
    assert emulated.http.get("/emulator/renders").json()[0]["training_id"] == training_id


def test_the_lora_of_a_trainer_fits_its_own_base_model_only(emulate: Any) -> None:
    emulated = emulate()
    flux, z_image = started(emulated), started(emulated, trainer_id="z-image-turbo-lora-trainer")
    other = started(emulated, trainer_id="somebody_elses_trainer")
    emulated.clock.advance(2100)

    def code(base: str, lora: str) -> int:
        return int(
            emulated.post("v6/images/text2img", model_id=base, lora_model=lora, prompt="x").status_code
        )

    assert (code("flux", flux), code("sdxl", flux), code("z-image-turbo", flux)) == (200, 400, 400)
    assert (code("z-image-turbo", z_image), code("flux", z_image)) == (200, 400)
    assert (code("sdxl", other), code("flux", other)) == (200, 200)


def test_a_failed_training_is_cancelled_with_its_reason(emulate: Any) -> None:
    emulated = emulate()
    training_id = started(emulated, emulator={"fail_at": "training_started", "reason": "out of memory"})
    emulated.clock.advance(2100)
    data = emulated.answer(f"{STATUS}/{training_id}")["data"]
    assert (data["status"], data["response_dump"]) == ("training_cancelled", "out of memory")


def test_a_stopped_training_is_completed_without_inference(emulate: Any) -> None:
    emulated = emulate()
    training_id = started(emulated)
    assert emulated.answer(STOP, training_id=training_id) == {
        "status": "success",
        "message": "training stopped",
    }
    emulated.clock.advance(5000)
    data = emulated.answer(f"{STATUS}/{training_id}")["data"]
    assert (data["status"], data["inference"]) == ("training_completed", None)
    again = emulated.post(STOP, training_id=training_id)
    assert (again.status_code, again.json()["message"]) == (400, "Training has already finished.")


def test_unknown_foreign_and_v3_trainings_are_not_found(emulate: Any) -> None:
    emulated = emulate()
    training_id, v3 = started(emulated), emulated.create().json()["training_id"]
    for answer in (
        emulated.post(f"{STATUS}/{uuid.uuid4()}"),
        emulated.post(f"{STATUS}/{v3}"),
        emulated.post(f"{STATUS}/{training_id}", key="somebody else"),
        emulated.post(STOP, training_id=v3),
        emulated.post(STOP),
    ):
        assert answer.status_code == 404
        assert answer.json() == {"status": "error", "message": "Training request not found."}
    assert emulated.post(f"v3/fine_tune_status/{training_id}").status_code == 404
    assert emulated.answer("v3/finetune_list")["data"] == [v3]


@pytest.mark.parametrize(
    "changes", [{"trainer_id": None}, {"images": []}, {"images": "x"}, {"training_steps": "many"}]
)
def test_a_bad_start_is_refused_and_costs_nothing(emulate: Any, changes: dict[str, Any]) -> None:
    emulated = emulate()
    answer = start(emulated, **changes)
    assert answer.status_code == 400
    assert next(iter(changes)) in answer.json()["message"]
    assert emulated.trainings() == []


def test_the_hugging_face_token_is_neither_kept_nor_shown(emulate: Any) -> None:
    emulated = emulate()
    started(emulated, hf_token="hf_secret", hf_username="somebody")
    shown = emulated.http.get("/emulator/trainings").text
    assert "hf_secret" not in shown
    assert "somebody" in shown


def test_trainings_of_all_trainers_share_the_credits(emulate: Any) -> None:
    emulated = emulate(credits=1)
    assert emulated.create().status_code == 200
    assert start(emulated).status_code == 402


def test_the_balance_is_served_unless_switched_off(emulate: Any) -> None:
    answer = emulate(wallet_balance=12.5).answer("wallet_balance")
    assert answer["data"] == {"balance": 12.5, "currency": "USD"}
    assert emulate(no_wallet_balance=True).post("wallet_balance").status_code == 404
