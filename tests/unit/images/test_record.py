# SPDX-License-Identifier: Apache-2.0
"""What a task remembers of its images."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_dreambooth.images.image import TrainingImage
from airflow_provider_dreambooth.images.inspection import Facts
from airflow_provider_dreambooth.images.record import LINK_LIFE, ImagesRecord, Seen, forget
from airflow_provider_dreambooth.runtime.state_store import TaskStateStore
from tests.unit.task_surroundings import MemoryStateStore


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def image(digest: str) -> TrainingImage:
    return TrainingImage(digest, facts=Facts(digest, 600, 600))


def record(store: MemoryStateStore, clock: Clock, account: str = "here") -> ImagesRecord:
    return ImagesRecord(TaskStateStore(store), account, clock)


def test_a_link_is_found_again_by_a_later_try() -> None:
    store, clock = MemoryStateStore(), Clock()
    record(store, clock).keep_link("sha256:1", "https://s/1.png")
    assert record(store, clock).link_of("sha256:1") == "https://s/1.png"
    assert record(store, clock).link_of("sha256:2") is None


def test_a_link_that_may_have_ended_is_not_used() -> None:
    store, clock = MemoryStateStore(), Clock()
    record(store, clock).keep_link("sha256:1", "https://s/1.png")
    clock.now += LINK_LIFE
    assert record(store, clock).link_of("sha256:1") is None
    record(store, clock).keep_link("sha256:1", "https://s/2.png")
    assert record(store, clock).link_of("sha256:1") == "https://s/2.png"


def test_a_link_of_another_account_is_not_used() -> None:
    store, clock = MemoryStateStore(), Clock()
    record(store, clock).keep_link("sha256:1", "http://127.0.0.1/1.png")
    assert record(store, clock, "there").link_of("sha256:1") is None


def test_no_entry_outgrows_what_airflow_takes() -> None:
    store, clock = MemoryStateStore(), Clock()
    kept = record(store, clock)
    for number in range(900):
        kept.keep_link(f"sha256:{number:032}", f"https://cdn.example/{'x' * 60}/{number}.png")
    kept.keep_seen(["/photos"] * 3000, [image(f"sha256:{number:032}") for number in range(3000)])
    assert max(len(text) for text in store.entries.values()) < 64_000
    again = record(store, clock)
    assert all(again.link_of(f"sha256:{number:032}") for number in range(900))
    forget(TaskStateStore(store))
    assert store.entries == {}


def test_images_in_order_are_remembered() -> None:
    store, clock = MemoryStateStore(), Clock()
    assert record(store, clock).seen() is None
    link = TrainingImage("1.png", link="https://b.example/1.png", facts=Facts("sha256:2", 600, 600))
    record(store, clock).keep_seen(["/photos"], [image("sha256:1"), link])
    assert record(store, clock).seen() == Seen(
        ("/photos",), ("sha256:1", "https://b.example/1.png"), ("sha256:1", "sha256:2"), 1000.0
    )


def test_what_an_older_version_remembered_is_read() -> None:
    store = MemoryStateStore()
    store.set("dreambooth_images", {"texts": ["a"], "identities": ["b"], "at": 1.0})
    assert record(store, Clock()).seen() == Seen(("a",), ("b",), (None,), 1.0)


def test_no_signature_of_a_link_is_remembered() -> None:
    store, clock = MemoryStateStore(), Clock()
    link = "https://b.example/1.png?X-Amz-Signature=s3cret"
    record(store, clock).keep_seen([link], [TrainingImage("1.png", link=link)])
    assert "s3cret" not in str(store.entries)
    other = TrainingImage("1.png", link=link.replace("s3cret", "another"))
    assert other.identity != TrainingImage("1.png", link=link).identity


def test_an_entry_that_somebody_has_edited_is_not_used() -> None:
    store, clock = MemoryStateStore(), Clock()
    values: list[Any] = [[], {"texts": ["a"]}, {"texts": ["a"], "identities": ["b"], "at": "noon"}, 7]
    for value in values:
        store.entries["dreambooth_images"] = json.dumps(value)
        assert record(store, clock).seen() is None
