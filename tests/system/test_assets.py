# SPDX-License-Identifier: Apache-2.0
"""Assets, links and lineage on a real Airflow whose DAGs start by themselves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import requests
from playwright.sync_api import Page, expect

from dev.demo.airflow_settings import PASSWORD, USER
from dev.demo.assets import BUCKET, PHOTOGRAPHS, RENDERINGS, SHEET, TRAIN, fill
from dev.demo.emulator import Emulator
from dev.demo.object_storage import CONNECTION_ID, ObjectStorage
from tests.airflow_version import AIRFLOW
from tests.browser import log_in, running_browser
from tests.examples import EXAMPLES
from tests.requirements import required_modules
from tests.system.stack import SystemStack

LINEAGE_FILE = "lineage.jsonl"
pytestmark = pytest.mark.skipif(AIRFLOW.major < 3, reason="asks the REST API of Airflow 3 for asset events")


class Walk:
    """
    One training and the run that its asset event started.

    :param stack: the stack, with both runs at their end.
    :param storage: the object storage that has the photographs, and then the rendered images.
    :param train_run: the run that the schedule started.
    :param sheet_run: the run that the model started.
    """

    def __init__(self, stack: SystemStack, storage: ObjectStorage, train_run: str, sheet_run: str) -> None:
        self.stack = stack
        self.storage = storage
        self.client = stack.client
        self.train_run = train_run
        self.sheet_run = sheet_run

    @property
    def model_id(self) -> str:
        """The model that was trained."""
        return str(self.client.xcom(TRAIN, self.train_run, "train"))

    def links(self, dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> dict[str, str]:
        """The links that Airflow's UI shows for a task."""
        path = f"dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links"
        found = self.client.call("GET", path, params={"map_index": map_index})["extra_links"]
        return {name: url for name, url in found.items() if url}


def wait_for_started_run(stack: SystemStack, dag_id: str, timeout: float = 120.0) -> str:
    """Return the first run of a DAG as soon as something has started it."""
    deadline = time.monotonic() + timeout
    while True:
        runs = stack.client.call("GET", f"dags/{dag_id}/dagRuns")["dag_runs"]
        if runs:
            return str(runs[0]["dag_run_id"])
        assert time.monotonic() < deadline, f"nothing has started {dag_id}"
        time.sleep(0.5)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory, api_key: str) -> Iterator[Walk]:
    """A stack with schedules, after one training and what it set off."""
    folder = tmp_path_factory.mktemp("assets")
    required_modules("moto", "flask_cors", "s3fs", group="storage")
    emulator = Emulator(folder, duration=12, render=1, key=api_key)
    transport = {"type": "file", "log_file_path": str(folder / LINEAGE_FILE), "append": True}
    with (
        ObjectStorage(folder) as storage,
        SystemStack(
            folder,
            emulator,
            dag_folders=[EXAMPLES],
            api_key=api_key,
            schedules=True,
            config={"openlineage.transport": json.dumps(transport)},
            variables={
                **storage.variables(),
                "DREAMBOOTH_EXAMPLE_PHOTOGRAPHS": f"s3://{CONNECTION_ID}@{BUCKET}/{PHOTOGRAPHS}/",
                "DREAMBOOTH_EXAMPLE_OUTPUT": f"s3://{CONNECTION_ID}@{BUCKET}/{RENDERINGS}",
            },
        ) as stack,
    ):
        storage.wait()
        fill(storage, emulator)
        for dag_id in (TRAIN, SHEET):
            stack.client.wait_for_dag(dag_id)
        # Nobody triggers anything: the first is due by its schedule, the second waits for a model.
        stack.client.call("PATCH", f"dags/{SHEET}", json={"is_paused": False})
        stack.client.call("PATCH", f"dags/{TRAIN}", json={"is_paused": False})
        runs = {}
        for dag_id in (TRAIN, SHEET):
            runs[dag_id] = wait_for_started_run(stack, dag_id)
            state = stack.client.wait_for_run(dag_id, runs[dag_id])
            assert state == "success", stack.client.describe(dag_id, runs[dag_id])
        yield Walk(stack, storage, runs[TRAIN], runs[SHEET])


@pytest.fixture
def event(walk: Walk) -> dict[str, Any]:
    """The only asset event."""
    (only,) = walk.client.call("GET", "assets/events")["asset_events"]
    assert isinstance(only, dict)
    return only


def test_a_ready_model_starts_the_consumer(walk: Walk) -> None:
    assert walk.train_run.startswith("scheduled__")
    assert walk.sheet_run.startswith("asset_triggered__")
    images = [key for key in walk.storage.keys(BUCKET, RENDERINGS) if key.endswith(".png")]
    assert len(images) == 4
    assert all(walk.storage.get(BUCKET, key).startswith(b"\x89PNG") for key in images)


def test_one_training_is_paid_and_one_run_set_off(walk: Walk) -> None:
    assert [training["training_id"] for training in walk.stack.emulator.trainings()] == [walk.model_id]
    assert len(walk.client.call("GET", f"dags/{SHEET}/dagRuns")["dag_runs"]) == 1


def test_the_event_tells_what_was_trained(walk: Walk, event: dict[str, Any]) -> None:
    assert event["uri"] == f"dreambooth://127.0.0.1:{walk.stack.emulator.port}/{walk.model_id}"
    extra = event["extra"]
    assert extra["training_id"] == walk.model_id
    assert extra["environment"] == "sandbox"
    assert extra["method"] == "dreambooth"
    assert extra["instance_prompt"] == "photo of sks robot"
    assert extra["class_prompt"] == "photo of a robot"
    assert 12 <= extra["seconds"] < 120


def test_the_key_is_not_in_the_event(event: dict[str, Any], api_key: str) -> None:
    assert api_key not in str(event)


def test_each_image_is_rendered_with_the_new_model_and_its_subject(walk: Walk) -> None:
    rendered = walk.client.xcom(SHEET, walk.sheet_run, "renderings")
    assert {item["model_id"] for item in rendered} == {walk.model_id}
    assert all(item["prompt"].startswith("photo of sks robot ") for item in rendered)


def test_links_lead_to_pages_that_exist(walk: Walk) -> None:
    emulator = walk.stack.emulator.url
    assert walk.links(TRAIN, walk.train_run, "train") == {
        "Training": f"{emulator}/trainings/{walk.model_id}",
        "Model": f"{emulator}/models/{walk.model_id}",
    }
    links = walk.links(SHEET, walk.sheet_run, "render", map_index=2)
    assert set(links) == {"Model", "Picture 1"}
    assert requests.get(links["Picture 1"], timeout=30).content.startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def page(walk: Walk) -> Iterator[Page]:
    """A browser, logged in."""
    with running_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1000})
        log_in(page, walk.stack.url, USER, PASSWORD)
        yield page


def task_page(walk: Walk, dag_id: str, run_id: str, task: str) -> str:
    """The tab of a task's page that has its links."""
    return f"{walk.stack.url}/dags/{dag_id}/runs/{quote(run_id, safe='')}/tasks/{task}/details"


@pytest.mark.browser
@pytest.mark.parametrize("name", ["Training", "Model"])
def test_the_link_on_the_task_page_opens_the_training(walk: Walk, page: Page, name: str) -> None:
    page.goto(task_page(walk, TRAIN, walk.train_run, "train"))
    # Beside it there is a tab "Training".
    button = page.get_by_role("link", name=name, exact=True).and_(page.locator("[target=_blank]"))
    with page.context.expect_page() as opened:
        button.click()
    opened.value.wait_for_load_state()
    expect(opened.value.locator("body")).to_contain_text(walk.model_id)
    expect(opened.value.locator("body")).to_contain_text("model_ready")
    opened.value.close()


@pytest.mark.browser
def test_the_picture_button_opens_the_image(walk: Walk, page: Page) -> None:
    page.goto(task_page(walk, SHEET, walk.sheet_run, "render/mapped/0"))
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Picture 1", exact=True).click()
    opened.value.wait_for_load_state()
    expect(opened.value.locator("img")).to_be_visible()
    assert opened.value.evaluate("document.images[0].naturalWidth") == 512
    opened.value.close()


def test_no_link_or_event_log_shows_the_key(walk: Walk, api_key: str) -> None:
    texts = {path: path.read_text(errors="replace") for path in walk.stack.log_files()}
    assert [str(path) for path, text in texts.items() if api_key in text] == []


def lineage(walk: Walk, task: str) -> dict[str, Any]:
    """The event by which a task told OpenLineage of its end."""
    required_modules("airflow.providers.openlineage", group="lineage")
    lines = (walk.stack.folder / LINEAGE_FILE).read_text().splitlines()
    events = [json.loads(line) for line in lines if line.strip()]
    found = [event for event in events if event["job"]["name"] == task and event["eventType"] == "COMPLETE"]
    assert found, sorted({(event["job"]["name"], event["eventType"]) for event in events})
    assert isinstance(found[0], dict)
    return found[0]


def names(datasets: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Namespaces and names of datasets."""
    return [(dataset["namespace"], dataset["name"]) for dataset in datasets]


def test_lineage_of_a_training_leads_from_the_images_to_the_model(walk: Walk) -> None:
    event, port = lineage(walk, f"{TRAIN}.train"), walk.stack.emulator.port
    assert names(event["inputs"]) == [(f"s3://{BUCKET}", PHOTOGRAPHS)]
    assert names(event["outputs"]) == [(f"dreambooth://127.0.0.1:{port}", walk.model_id)]
    facet = event["run"]["facets"]["dreambooth_training"]
    assert facet["method"] == "dreambooth"
    assert facet["trainingId"] == walk.model_id
    assert facet["instancePrompt"] == "photo of sks robot"
    assert [stage["stage"] for stage in facet["stages"]][-1] == "model_ready"
    assert facet["seconds"] > 0


def test_lineage_of_a_rendering_leads_from_the_model_to_the_images(walk: Walk) -> None:
    event, port = lineage(walk, f"{SHEET}.render"), walk.stack.emulator.port
    assert (f"dreambooth://127.0.0.1:{port}", walk.model_id) in names(event["inputs"])
    ((namespace, name),) = names(event["outputs"])
    assert namespace == f"s3://{BUCKET}"
    assert walk.storage.get(BUCKET, name).startswith(b"\x89PNG")
    assert event["run"]["facets"]["dreambooth_rendering"]["seed"] == "7"


def test_the_key_is_not_in_the_lineage(walk: Walk, api_key: str) -> None:
    assert api_key not in json.dumps(lineage(walk, f"{TRAIN}.train"))
