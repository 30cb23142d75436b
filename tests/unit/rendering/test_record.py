# SPDX-License-Identifier: Apache-2.0
"""When a task re-attaches to an earlier try's rendering."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.rendering.record import RENDERING_LIFE, RenderingRecord, RenderingStore
from airflow_provider_dreambooth.runtime.state_store import TaskStateStore
from tests.unit.task_surroundings import MemoryStateStore

RECORD = RenderingRecord(
    fingerprint="f",
    account="a",
    max_tries=2,
    at=1000.0,
    request_id="12",
    urls=("https://s/1.png",),
    files={"1": "/out/1.png"},
)


def store_with(record: RenderingRecord | None, *, now: float = 1000.0, max_tries: int = 2) -> RenderingStore:
    store = RenderingStore(TaskStateStore(MemoryStateStore()), max_tries, lambda: now)
    if record is not None:
        store.save(record)
    return store


def test_a_record_is_read_as_it_was_written() -> None:
    assert store_with(RECORD).load() == RECORD


@pytest.mark.parametrize(
    ("change", "now", "max_tries", "used"),
    [
        ({}, 1000.0, 2, True),
        ({}, 1000.0 + RENDERING_LIFE, 2, False),
        ({}, 1000.0, 5, True),  # cleared after a failure: the images are still there
        ({"finished": True}, 1000.0, 2, True),
        ({"finished": True}, 1000.0, 5, False),  # cleared after success: others are wanted
        ({"misses": 1}, 1000.0, 2, True),
        ({"misses": 2}, 1000.0, 2, False),
        ({"fingerprint": "g"}, 1000.0, 2, False),
        ({"account": "b"}, 1000.0, 2, False),
    ],
)
def test_it_is_used_while_it_stands_for_the_same_images(
    change: dict[str, Any], now: float, max_tries: int, used: bool
) -> None:
    store = store_with(replace(RECORD, **change), now=now, max_tries=max_tries)
    assert (store.usable(store.load(), "f", "a") is not None) is used


def test_without_a_record_there_is_none() -> None:
    store = store_with(None)
    assert store.usable(store.load(), "f", "a") is None


@pytest.mark.parametrize(
    ("change", "in_doubt"),
    [
        ({}, False),
        ({"request_id": None}, False),
        ({"urls": ()}, False),
        ({"request_id": None, "urls": ()}, True),
    ],
)
def test_a_request_without_an_answer_is_in_doubt_and_not_re_attached_to(
    change: dict[str, Any], in_doubt: bool
) -> None:
    record = replace(RECORD, **change)
    assert record.in_doubt is in_doubt
    assert (store_with(None).usable(record, "f", "a") is None) is in_doubt


@pytest.mark.parametrize("value", [[], {}, "x", {"urls": 7, "files": {}}, {"urls": [], "files": []}])
def test_a_record_that_cannot_be_read_is_an_error_and_never_no_record(value: Any) -> None:
    memory = MemoryStateStore()
    memory.entries["dreambooth_rendering"] = json.dumps(value)
    with pytest.raises(DreamboothValidationError, match="nothing is sent without it"):
        RenderingStore(TaskStateStore(memory), 2, lambda: 0.0).load()


def test_what_another_version_wrote_beside_the_known_facts_is_ignored() -> None:
    memory = MemoryStateStore()
    store = RenderingStore(TaskStateStore(memory), 2, lambda: 0.0)
    store.save(RECORD)
    entry = json.loads(memory.entries["dreambooth_rendering"])
    memory.entries["dreambooth_rendering"] = json.dumps({**entry, "other": 1})
    assert store.load() == RECORD
