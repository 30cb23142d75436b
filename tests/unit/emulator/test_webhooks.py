# SPDX-License-Identifier: Apache-2.0
"""Per-stage webhooks."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.webhooks import Webhooks


def received(emulated: Any, **options: Any) -> list[tuple[str, dict[str, Any]]]:
    """Replace the sender of an emulator and return what it sends."""
    sent: list[tuple[str, dict[str, Any]]] = []
    webhooks = Webhooks(Options(**options), print, lambda url, body: sent.append((url, json.loads(body))))
    emulated.service.listeners[:] = [webhooks.stage_entered]
    emulated.webhooks = webhooks
    return sent


def test_each_stage_is_posted_once_in_order_with_the_documented_payload(emulate: Any) -> None:
    emulated = emulate()
    sent = received(emulated)
    training_id = emulated.create(webhook="https://example.com/hook?token=x").json()["training_id"]
    emulated.service.announce_due()
    emulated.clock.advance(1000)
    emulated.service.announce_due()
    emulated.clock.advance(2000)
    emulated.service.announce_due()
    emulated.webhooks.settle()
    assert {url for url, _ in sent} == {"https://example.com/hook?token=x"}
    assert sent[0][1] == {
        "status": "success",
        "training_status": "deploying_gpu",
        "logs": "it will take upto 25 minutes",
        "model_id": training_id,
    }
    assert [body["training_status"] for _, body in sent] == [
        "deploying_gpu",
        "training_started",
        "training_success",
        "trained_model_compressing",
        "trained_model_uploading",
        "trained_model_uploaded",
        "deploying_model",
        "model_ready",
    ]


def test_a_failure_is_posted_with_its_reason_and_nothing_after_it(emulate: Any) -> None:
    emulated = emulate()
    sent = received(emulated)
    emulated.create(webhook="https://example.com/", images=["no link"])
    emulated.clock.advance(5000)
    emulated.service.announce_due()
    emulated.webhooks.settle()
    assert [body["training_status"] for _, body in sent] == [
        "deploying_gpu",
        "training_started",
        "training_failed",
    ]
    assert sent[-1][1]["logs"] == "Training Failed:  Valid image links less than 3"


def test_a_cancel_is_posted_at_once(emulate: Any) -> None:
    emulated = emulate()
    sent = received(emulated)
    training_id = emulated.create(webhook="https://example.com/").json()["training_id"]
    emulated.post(f"v3/cancle_training/{training_id}")
    emulated.clock.advance(5000)
    emulated.service.announce_due()
    emulated.webhooks.settle()
    assert [body["training_status"] for _, body in sent] == ["deploying_gpu", "training_cancelled"]


def test_duplicates_are_sent_when_asked_and_none_without_a_link(emulate: Any) -> None:
    emulated = emulate()
    sent = received(emulated, webhook_copies=2)
    emulated.create(webhook="")
    emulated.create(webhook=None)
    emulated.create(webhook="https://example.com/")
    emulated.webhooks.settle()
    assert len(sent) == 2
    assert sent[0] == sent[1]


def test_a_receiver_that_is_down_changes_nothing_and_its_link_is_not_printed(emulate: Any) -> None:
    emulated = emulate()
    lines: list[str] = []

    def refuse(url: str, body: bytes) -> None:
        raise ConnectionRefusedError(url)

    webhooks = Webhooks(Options(), lines.append, refuse)
    emulated.service.listeners[:] = [webhooks.stage_entered]
    training_id = emulated.create(webhook="https://example.com/?token=secret").json()["training_id"]
    webhooks.settle()
    assert emulated.stage(training_id) == "deploying_gpu"
    assert lines == [f"{training_id} webhook not delivered: ConnectionRefusedError"]


def test_a_training_of_v6_posts_nothing(emulate: Any) -> None:
    emulated = emulate()
    sent = received(emulated)
    body = {"trainer_id": "flux_lora_trainer", "images": ["https://example.com/1.png"] * 3}
    assert emulated.post("v6/trainer/train", **body, webhook="https://example.com/").status_code == 200
    emulated.webhooks.settle()
    assert sent == []
