"""What a task remembers of its pictures."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_dreambooth.images.record import LINK_LIFE, ImagesRecord, Seen, forget
from airflow_provider_dreambooth.runtime.state_store import TaskStateStore
from tests.unit.task_surroundings import MemoryStateStore


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


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
    kept.keep_seen(["/photos"] * 3000, [f"sha256:{number:032}" for number in range(3000)])
    assert max(len(text) for text in store.entries.values()) < 64_000
    again = record(store, clock)
    assert all(again.link_of(f"sha256:{number:032}") for number in range(900))
    forget(TaskStateStore(store))
    assert store.entries == {}


def test_pictures_in_order_are_remembered() -> None:
    store, clock = MemoryStateStore(), Clock()
    assert record(store, clock).seen() is None
    record(store, clock).keep_seen(["/photos"], ["sha256:1", "sha256:2"])
    assert record(store, clock).seen() == Seen(("/photos",), ("sha256:1", "sha256:2"), 1000.0)


def test_a_memory_that_somebody_has_edited_is_no_memory() -> None:
    store, clock = MemoryStateStore(), Clock()
    values: list[Any] = [[], {"texts": ["a"]}, {"texts": ["a"], "identities": ["b"], "at": "noon"}, 7]
    for value in values:
        store.entries["dreambooth_images"] = json.dumps(value)
        assert record(store, clock).seen() is None
