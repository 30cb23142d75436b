# SPDX-License-Identifier: Apache-2.0
"""The control endpoints: what happened, and what is done to a training."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.emulator.service import fingerprint


def change(emulated: Any, training_id: str, **wish: Any) -> Any:
    return emulated.http.post(f"/emulator/trainings/{training_id}", json=wish)


@pytest.mark.parametrize(
    ("wish", "stage"),
    [
        ({"action": "fail", "reason": "out of luck"}, "training_failed"),
        ({"action": "ready"}, "model_ready"),
        ({"action": "cancel"}, "training_cancelled"),
    ],
)
def test_a_training_can_be_ended(emulate: Any, wish: dict[str, Any], stage: str) -> None:
    emulated = emulate()
    training_id = emulated.create().json()["training_id"]
    emulated.stage(training_id)
    assert change(emulated, training_id, **wish).json()["stage"] == stage
    assert emulated.stage(training_id) == stage
    if "reason" in wish:
        assert emulated.answer(f"v3/fine_tune_status/{training_id}")["data"] == "out of luck"


def test_a_training_can_vanish(emulate: Any) -> None:
    emulated = emulate()
    training_id = emulated.create().json()["training_id"]
    change(emulated, training_id, action="vanish")
    assert emulated.post(f"v3/fine_tune_status/{training_id}").status_code == 404
    assert emulated.answer("v3/finetune_list")["data"] == []
    assert emulated.trainings()[0]["vanished"] is True


def test_a_training_can_be_frozen_at_a_stage_and_thawed(emulate: Any) -> None:
    emulated = emulate()
    training_id = emulated.create(emulator={"freeze_at": "training_started"}).json()["training_id"]
    emulated.clock.advance(100_000)
    assert emulated.stage(training_id) == "training_started"
    change(emulated, training_id, action="thaw")
    assert emulated.stage(training_id) == "model_ready"


def test_unknown_trainings_and_actions_are_refused(emulate: Any) -> None:
    emulated = emulate()
    assert change(emulated, "nobody", action="fail").status_code == 404
    training_id = emulated.create().json()["training_id"]
    assert change(emulated, training_id, action="explode").status_code == 400
    assert change(emulated, training_id, action="freeze", stage="nowhere").status_code == 400


def test_trainings_show_what_was_asked_for_and_how_often_they_were_polled(emulate: Any) -> None:
    emulated = emulate()
    training_id = emulated.create(seed="5").json()["training_id"]
    for _ in range(3):
        emulated.stage(training_id)
    shown = emulated.http.get(f"/emulator/trainings/{training_id}").json()
    assert shown["status_polls"] == 3
    assert shown["body"]["seed"] == "5"
    assert "key" not in shown["body"]
    assert (shown["endpoint"], shown["environment"]) == ("fine_tune", "production")
    assert (shown["cancelled"], shown["deleted"], shown["over"]) == (False, False, False)


def test_requests_are_counted_and_the_last_ones_remembered(emulate: Any) -> None:
    emulated = emulate(request_log=5)
    for _ in range(8):
        emulated.post("v3/finetune_list")
    emulated.create()
    shown = emulated.http.get("/emulator/requests", params={"last": 2}).json()
    assert shown["by_endpoint"] == {"finetune_list": 8, "fine_tune": 1}
    assert [entry["endpoint"] for entry in shown["requests"]] == ["finetune_list", "fine_tune"]
    assert len(emulated.http.get("/emulator/requests").json()["requests"]) == 5


def test_requests_are_remembered_with_the_account_but_never_the_key(emulate: Any) -> None:
    emulated = emulate(key=["first-key", "second-key"])
    for key in ("first-key", "second-key", "neither"):
        emulated.post("v3/finetune_list", key=key)
    page = emulated.http.get("/emulator/requests")
    accounts = [entry["account"] for entry in page.json()["requests"]]
    assert accounts == [fingerprint("first-key"), fingerprint("second-key"), ""]
    assert "-key" not in page.text


def test_a_reset_forgets_everything(emulate: Any) -> None:
    emulated = emulate()
    emulated.create()
    emulated.fault(kind="http_500")
    emulated.http.post("/emulator/reset")
    assert emulated.trainings() == []
    assert emulated.http.get("/emulator/faults").json()["rules"] == []
    assert emulated.http.get("/emulator/requests").json()["total"] == 0
    assert emulated.create().status_code == 200


@pytest.mark.parametrize("path", ["/", "/trainings/F5jvdzGnYi", "/models/F5jvdzGnYi"])
def test_the_page_needs_nothing_from_elsewhere_and_names_the_inventions(emulate: Any, path: str) -> None:
    page = emulate().http.get(path)
    assert page.headers["content-type"].startswith("text/html")
    assert "--cancelled-style" in page.text
    assert "https://" not in page.text
    assert 'src="http' not in page.text
