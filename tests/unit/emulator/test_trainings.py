# SPDX-License-Identifier: Apache-2.0
"""The life of a training, held against the documented shapes."""

from __future__ import annotations

from typing import Any

import pytest

CREATED: dict[str, Any] = {
    "status": "success",
    "messege": "deploying_gpu",
    "data": "it will take upto 25 minutes.",
    "training_id": "F5jvdzGnYi",
}
READY: dict[str, Any] = {
    "status": "success",
    "messege": "model_ready",
    "data": " /n Step:1 Training Started, 5 Steps to go : ETA : 30 minutes /n Step:2 Training Done, 4 Steps to go"
    " : ETA : 15 minutes /n Step:3 Model Uploading, 3 Steps to go : ETA : 10 minutes /n  /n Step:4 Model Uploaded,"
    " 2 Steps to go : ETA : 5 minutes /n Model loaded successfully",
}
STAGES = [
    "deploying_gpu",
    "training_started",
    "training_success",
    "trained_model_compressing",
    "trained_model_uploading",
    "trained_model_uploaded",
    "deploying_model",
    "model_ready",
]


@pytest.mark.parametrize(
    ("path", "status_path"),
    [
        ("sandbox/v3/fine_tune", "sandbox/v3/fine_tune_status"),
        ("v3/fine_tune", "v3/fine_tune_status"),
        ("v3/fine_tune_v2", "v3/fine_tune_status"),
    ],
)
def test_create_and_ready_answers_are_the_documented_ones_at_full_length(
    emulate: Any, path: str, status_path: str
) -> None:
    emulated = emulate(create_ids="training_id")
    created = emulated.create(path)
    assert created.status_code == 200
    training_id = created.json()["training_id"]
    assert created.json() == {**CREATED, "training_id": training_id}
    assert len(training_id) == 10
    assert training_id.isalnum()
    emulated.clock.advance(2100)
    assert emulated.answer(f"{status_path}/{training_id}") == READY


def test_a_created_training_carries_both_ids_unless_asked_otherwise(emulate: Any) -> None:
    both = emulate(id_length=25).create().json()
    assert both["training_id"] == both["model_id"]
    assert len(both["model_id"]) == 25
    only = emulate(create_ids="model_id").create().json()
    assert "training_id" not in only
    assert "model_id" in only


def test_stages_come_in_the_documented_order(emulate: Any) -> None:
    emulated = emulate()
    training_id = emulated.create().json()["training_id"]
    seen: list[str] = []
    for _ in range(75):
        stage = emulated.stage(training_id)
        if not seen or seen[-1] != stage:
            seen.append(stage)
        emulated.clock.advance(30)
    assert seen == STAGES


def test_a_lora_is_not_compressed_and_announces_thirty_minutes(emulate: Any) -> None:
    emulated = emulate()
    created = emulated.create("v3/lora_fine_tune", max_train_steps="18").json()
    assert created["data"] == "it will take upto 30 minutes."
    seen = set()
    for _ in range(72):
        seen.add(emulated.stage(created["training_id"]))
        emulated.clock.advance(30)
    assert seen == set(STAGES) - {"trained_model_compressing"}


def test_the_stage_depends_on_the_clock_alone(emulate: Any) -> None:
    polled, unpolled = emulate(), emulate()
    first, second = (it.create().json()["training_id"] for it in (polled, unpolled))
    for _ in range(50):
        polled.stage(first)
        polled.clock.advance(30)
    unpolled.clock.advance(1500)
    assert polled.stage(first) == unpolled.stage(second)


def test_etas_scale_with_the_duration_and_their_unit_can_be_chosen(emulate: Any) -> None:
    def log(**options: Any) -> str:
        emulated = emulate(**options)
        training_id = emulated.create().json()["training_id"]
        emulated.clock.advance(options["duration"] / 2)
        return str(emulated.answer(f"v3/fine_tune_status/{training_id}")["data"])

    assert log(duration=70.0).endswith("ETA : 60 seconds")
    assert log(duration=70.0, eta_unit="minutes").endswith("ETA : 1 minutes")
    assert log(duration=70.0, eta_factor=2.0).endswith("ETA : 120 seconds")
    assert log(duration=4200.0).endswith("ETA : 60 minutes")


def test_the_workers_log_has_etas_that_rise_again(emulate: Any) -> None:
    emulated = emulate(log_text="worker", separator="newline")
    training_id = emulated.create().json()["training_id"]
    emulated.clock.advance(2099)
    log = emulated.answer(f"v3/fine_tune_status/{training_id}")["data"]
    etas = [line.partition("ETA : ")[2].partition(" minutes")[0] for line in log.strip().split("\n")]
    assert etas == ["60", "15", "25", "20", "10"]
    assert "Step:3 Model Compressing, 3 More Steps to go : ETA : 25 minutes | Time Elapsed : " in log


def test_fewer_than_three_usable_images_fail_after_the_training_was_accepted(emulate: Any) -> None:
    emulated = emulate()
    images = [
        "https://example.com/1.png",
        "http://testserver/samples/fox/9.png",
        "ftp://example.com/2.png",
        "x",
    ]
    created = emulated.create(images=images)
    assert created.json()["status"] == "success"
    emulated.clock.advance(2100)
    assert emulated.answer(f"v3/fine_tune_status/{created.json()['training_id']}") == {
        "status": "success",
        "messege": "training_failed",
        "data": "Training Failed:  Valid image links less than 3",
    }
    assert len(emulated.trainings()) == 1


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("failed", {"status": "failed", "messege": "no luck", "data": ""}),
        ("error", {"status": "error", "messege": "no luck", "data": ""}),
    ],
)
def test_a_failure_can_be_rendered_in_other_ways(emulate: Any, style: str, expected: dict[str, str]) -> None:
    emulated = emulate(failed_style=style)
    created = emulated.create(emulator={"fail_at": "training_started", "reason": "no luck"}).json()
    emulated.clock.advance(300)
    assert emulated.stage(created["training_id"]) == "training_started"
    emulated.clock.advance(1000)
    assert emulated.answer(f"v3/fine_tune_status/{created['training_id']}") == expected


def test_a_request_can_bring_its_own_duration(emulate: Any) -> None:
    emulated = emulate()
    training_id = emulated.create(emulator={"duration": 5}).json()["training_id"]
    emulated.clock.advance(5)
    assert emulated.stage(training_id) == "model_ready"


def test_durations_spread_only_when_asked(emulate: Any) -> None:
    spread = emulate(duration_spread=0.5)
    for _ in range(5):
        spread.create()
    assert len({training["duration"] for training in spread.trainings()}) == 5
    assert emulate().service.duration_of("anything") == 2100.0


@pytest.mark.parametrize("spelling", ["cancle_training", "cancel_training"])
def test_cancel_stops_a_training_under_both_spellings(emulate: Any, spelling: str) -> None:
    emulated = emulate()
    training_id = emulated.create().json()["training_id"]
    emulated.clock.advance(500)
    answer = emulated.answer(f"v3/{spelling}/{training_id}")
    assert set(answer) == {"status", "messege", "data"}
    assert answer["status"] == "success"
    emulated.clock.advance(5000)
    assert emulated.stage(training_id) == "training_cancelled"
    assert emulated.trainings()[0]["cancelled"] is True


def test_one_cancel_spelling_can_be_left_out(emulate: Any) -> None:
    emulated = emulate(cancel_spelling="cancel", http_codes="2023")
    training_id = emulated.create().json()["training_id"]
    assert emulated.post(f"v3/cancle_training/{training_id}").status_code == 404
    assert emulated.post(f"v3/cancel_training/{training_id}").status_code == 200


@pytest.mark.parametrize(
    ("style", "code", "status", "message"),
    [
        ("cancelled", 200, "success", "cancelled"),
        ("training_failed", 200, "success", "training_failed"),
        ("error", 200, "error", "Training was cancelled"),
        ("not_found", 404, "error", "Training not found"),
    ],
)
def test_what_a_cancelled_training_shows_is_an_option(
    emulate: Any, style: str, code: int, status: str, message: str
) -> None:
    emulated = emulate(cancelled_style=style)
    training_id = emulated.create().json()["training_id"]
    emulated.post(f"v3/cancle_training/{training_id}")
    answer = emulated.post(f"v3/fine_tune_status/{training_id}")
    assert (answer.status_code, answer.json()["status"], answer.json()["messege"]) == (code, status, message)


def test_a_finished_training_cannot_be_cancelled(emulate: Any) -> None:
    emulated = emulate()
    answer = emulated.post(f"v3/cancle_training/{emulated.trained()}")
    assert (answer.status_code, answer.json()["status"]) == (400, "error")


def test_the_list_holds_the_accounts_production_trainings(emulate: Any) -> None:
    emulated = emulate()
    assert emulated.answer("v3/finetune_list") == {"status": "success", "messege": "model list", "data": []}
    first = emulated.create().json()["training_id"]
    emulated.create("sandbox/v3/fine_tune")
    second = emulated.create("v3/lora_fine_tune").json()["training_id"]
    assert emulated.answer("v3/finetune_list")["data"] == [first, second]
    assert emulated.answer("v3/finetune_list", key="somebody else")["data"] == []


def test_the_list_can_be_late_or_show_ready_models_only(emulate: Any) -> None:
    late = emulate(list_delay=100.0)
    late.create()
    assert late.answer("v3/finetune_list")["data"] == []
    late.clock.advance(100)
    assert len(late.answer("v3/finetune_list")["data"]) == 1
    ready = emulate(list_shows="ready")
    training_id = ready.create().json()["training_id"]
    assert ready.answer("v3/finetune_list")["data"] == []
    ready.clock.advance(2100)
    assert ready.answer("v3/finetune_list")["data"] == [training_id]


def test_the_list_can_hide_running_trainings_but_keeps_those_that_failed(emulate: Any) -> None:
    emulated = emulate(list_running="no")
    emulated.create()
    failed = emulated.create(emulator={"fail_at": "training_started"}).json()["training_id"]
    emulated.clock.advance(1300)
    assert emulated.answer("v3/finetune_list")["data"] == [failed]


def test_rows_of_the_list_can_be_objects_with_the_keys_of_the_public_list(emulate: Any) -> None:
    emulated = emulate(list_items="object")
    training_id = emulated.create("v3/lora_fine_tune").json()["training_id"]
    row = emulated.answer("v3/finetune_list")["data"][0]
    assert set(row) == set(emulated.answer("v4/dreambooth/model_list")[0])
    assert (row["model_id"], row["status"]) == (training_id, "deploying_gpu")
    assert row["created_at"] == "2023-11-14T22:13:20.000000Z"
    assert (row["instance_prompt"], row["model_subcategory"]) == ("photo of zwx fox", "lora")


@pytest.mark.parametrize(("whose", "nulls"), [("never", []), ("failed", [2]), ("running", [1])])
def test_rows_of_the_list_can_lack_their_model_id_and_carry_the_rows_number(
    emulate: Any, whose: str, nulls: list[int]
) -> None:
    emulated = emulate(list_items="object", list_null_ids=whose)
    emulated.create()
    emulated.create(emulator={"fail_at": "training_started"})
    emulated.clock.advance(1300)
    rows = emulated.answer("v3/finetune_list")["data"]
    assert [row["id"] for row in rows if row["model_id"] is None] == nulls


@pytest.mark.parametrize("path", ["v3/finetune/delete", "v3/delete"])
def test_a_deleted_model_is_gone_from_list_and_status(emulate: Any, path: str) -> None:
    emulated = emulate()
    training_id = emulated.trained()
    assert emulated.answer(f"{path}/{training_id}")["status"] == "success"
    assert emulated.answer("v3/finetune_list")["data"] == []
    assert emulated.post(f"v3/fine_tune_status/{training_id}").status_code == 404
    assert emulated.post(f"v3/finetune/delete/{training_id}").status_code == 404
    assert emulated.trainings()[0]["deleted"] is True


def test_sandbox_and_production_do_not_see_each_others_trainings(emulate: Any) -> None:
    emulated = emulate()
    sandbox = emulated.create("sandbox/v3/fine_tune").json()["training_id"]
    production = emulated.create().json()["training_id"]
    assert emulated.post(f"v3/fine_tune_status/{sandbox}").status_code == 404
    assert emulated.post(f"v3/cancle_training/{sandbox}").status_code == 404
    assert emulated.post(f"sandbox/v3/fine_tune_status/{production}").status_code == 404
    assert emulated.post(f"sandbox/v3/fine_tune_status/{sandbox}").status_code == 200


def test_another_accounts_training_is_unknown(emulate: Any) -> None:
    emulated = emulate()
    training_id = emulated.create().json()["training_id"]
    answer = emulated.post(f"v3/fine_tune_status/{training_id}", key="somebody else")
    assert answer.status_code == 404
    assert set(answer.json()) == {"status", "messege", "code"}


def test_buying_credits_is_counted(emulate: Any) -> None:
    emulated = emulate(credits=1)
    assert emulated.create().status_code == 200
    refused = emulated.create()
    assert (refused.status_code, "Insufficient credits" in refused.json()["message"]) == (402, True)
    assert emulated.answer("v3/dreambooth/buy_model", quantity="4") == {
        "status": "success",
        "messege": "Payment was charged successfuly",
        "purchased_models": 4,
        "used_models": 1,
        "available_models": 4,
    }
    assert emulated.create().status_code == 200
    assert len(emulated.trainings()) == 2
