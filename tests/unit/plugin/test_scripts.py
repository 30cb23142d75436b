# SPDX-License-Identifier: Apache-2.0
"""The pages' pure functions, in a real browser without an Airflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from airflow_provider_dreambooth.plugin.application import STATIC
from tests.browser import running_browser
from tests.system.seeded_trainings import summary

pytestmark = pytest.mark.browser
ORIGIN = "http://airflow.example"


def serve(route: Route) -> None:
    """Answer with one of our files."""
    route.fulfill(path=STATIC / route.request.url.rsplit("/", 1)[1].split("?")[0])


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with running_browser() as browser:
        page = browser.new_page(timezone_id="Europe/Berlin")
        page.route("**/*", serve)
        page.goto(f"{ORIGIN}/dreambooth/icon.svg")
        yield page


def call(page: Page, module: str, function: str, *arguments: Any) -> Any:
    """Call an exported function of a script."""
    code = "([module, name, values]) => import(module).then(found => found[name](...values))"
    return page.evaluate(code, [f"{ORIGIN}/dreambooth/{module}.js", function, list(arguments)])


RUN = "manual__2026-11-25T01:02:03+00:00"


@pytest.mark.parametrize("run_id", [RUN, RUN.replace("+", "%2B").replace(":", "%3A")])
def test_ids_are_read_as_any_airflow_fills_them_in(page: Page, run_id: str) -> None:
    place = call(page, "place", "placeOf", f"?dag_id=a.b&run_id={run_id}&task_id=t&map_index=3")
    assert place == {"dagId": "a.b", "runId": RUN, "taskId": "t", "mapIndex": 3}


def test_a_task_that_is_not_mapped_leaves_its_placeholder(page: Page) -> None:
    place = call(page, "place", "placeOf", "?dag_id=a&run_id=50%&task_id=t&map_index={MAP_INDEX}")
    assert (place["mapIndex"], place["runId"]) == (-1, "50%")


@pytest.mark.parametrize(
    ("address", "followed"),
    [
        ("https://example.org/a?b=c", True),
        ("http://127.0.0.1:8765/a.png", True),
        ("javascript:alert(1)", False),
        (" java\nscript:alert(1)", False),
        ("data:image/svg+xml,<svg/>", False),
        ("blob:http://airflow.example/1", False),
        ("https://user:password@example.org/", False),
        ("//example.org/", False),
        (f"{ORIGIN}/auth/logout", False),
        ("dags/a", False),
        ("https://example.org/" + "a" * 5000, False),
        (17, False),
    ],
)
def test_only_http_addresses_without_a_password_are_followed(
    page: Page, address: Any, followed: bool
) -> None:
    assert (call(page, "elements", "safeAddress", address) is not None) is followed


def test_what_operator_and_sensor_know_becomes_one_training(page: Page) -> None:
    stages = [{"stage": "training_started", "seen": "2026-11-25T10:00:00Z"}]
    operator = call(
        page, "summary", "readTraining", summary(1, state="running", stages=[], ended_at=None, eta_at=None)
    )
    unknown = dict.fromkeys(("money", "instance_prompt", "method", "requested_at"))
    watcher = summary(1, state="failed", stages=stages, reason="Out of memory", images=[], **unknown)
    sensor = call(page, "summary", "readTraining", watcher)
    for order in ([operator, sensor], [sensor, operator]):
        training = call(page, "summary", "merged", order)
        assert (training["state"], training["reason"]) == ("failed", "Out of memory")
        assert (training["money"], training["prompt"]) == ("accepted", "photo of sks subject 1")
        assert [stage["name"] for stage in training["stages"]] == ["training_started"]


@pytest.mark.parametrize(
    "value", [None, 17, "s3://bucket/xcom", {}, [], {"version": 2}, {"version": "1"}, '{"version": 7}']
)
def test_a_value_of_another_kind_is_said_to_be_unreadable(page: Page, value: Any) -> None:
    assert "unreadable" in call(page, "summary", "readTraining", value)
    assert "unreadable" in call(page, "summary", "readRendering", value)


def test_a_field_of_a_wrong_kind_is_unknown_and_the_rest_is_shown(page: Page) -> None:
    odd = summary(1, images="one", stages={"a": 1}, parameters=[], requested_at="soon", replaced="x")
    training = call(page, "summary", "readTraining", odd)
    assert (training["images"], training["stages"], training["parameters"]) == ([], [], [])
    assert (training["requestedAt"], training["replaced"]) == (None, None)
    assert training["id"] == "seeded-00001"


# 2026-03-29 is the Sunday on which summer time begins in Berlin.
MIDDAY = 1_774_778_400_000.0


def test_days_weeks_and_months_begin_at_midnight_of_the_chosen_zone(page: Page) -> None:
    assert call(page, "clock", "periods", MIDDAY) == {
        "today": 1_774_738_800_000.0,  # 29 March, 00:00 at +01:00
        "week": 1_774_220_400_000.0,  # Monday 23 March, 00:00 at +01:00
        "month": 1_772_319_600_000.0,  # 1 March, 00:00 at +01:00
    }


def test_the_bar_is_never_full_and_says_what_is_left(page: Page) -> None:
    training = {"requestedAt": 0, "etaAt": 600_000}
    assert call(page, "clock", "progress", training, 150_000) == {
        "fraction": 0.25,
        "words": "about 7 min 30 s left",
    }
    late = call(page, "clock", "progress", training, 665_000)
    assert late == {"fraction": 0.98, "words": "1 min 05 s past the service's estimate"}
    unknown = call(page, "clock", "progress", {"requestedAt": 0, "etaAt": None}, 1)
    assert unknown["fraction"] is None
