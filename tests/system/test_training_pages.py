# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import requests
from playwright.sync_api import Browser, Locator, Page, Request, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from dev.demo.airflow_settings import PASSWORD, USER
from dev.demo.component import Component, stop_all
from dev.demo.ports import HOST, free_port
from tests.airflow_version import since_airflow
from tests.browser import log_in, running_browser
from tests.system.conftest import READER
from tests.system.seeded_trainings import seed, summary, write_summary
from tests.system.stack import SystemStack
from tests.system.trainings import control

pytestmark = [pytest.mark.browser, since_airflow("3.1", "pages of plugins")]

PAGES = "training_pages"
SEEDED = "seeded_trainings"
FOX, ROBOT = 0, 1
MANY = 5_000
NEXT_LAYOUT_MS = 10_000
HOSTILE = "<img src=x onerror=window.hacked=1><script>window.hacked=1</script>{{7*7}}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="module")
def session(browser: Browser, stack: SystemStack) -> Any:
    """What a logged-in browser keeps: a new window needs no login then."""
    with browser.new_page() as page:
        log_in(page, stack.url, USER, PASSWORD)
        return page.context.storage_state()


@pytest.fixture
def page(browser: Browser, session: Any) -> Iterator[Page]:
    """A window of the administrator; any error of a script in it fails the test."""
    context = browser.new_context(storage_state=session, viewport={"width": 1280, "height": 1000})
    page = context.new_page()
    page.set_default_timeout(30_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


@pytest.fixture(scope="module")
def run(stack: SystemStack) -> str:
    """A run in which a fox and a robot are trained; both go no further than to their first step."""
    stack.client.wait_for_dag(PAGES)
    run_id = stack.client.trigger(PAGES)
    for index in (FOX, ROBOT):
        stack.client.wait_for_task(PAGES, run_id, "train", {"deferred"}, map_index=index)
        control(stack, training_of(stack, run_id, index), action="freeze", stage="training_started")
    return run_id


@pytest.fixture(scope="module")
def seeded(stack: SystemStack) -> str:
    """A run whose tasks never begin, and thousands of finished ones like it: each tenth failed."""
    stack.client.wait_for_dag(SEEDED)
    run_id = stack.client.trigger(SEEDED)
    now = datetime.now(UTC) - timedelta(minutes=1)
    every = [summary(number, began=now - timedelta(minutes=number)) for number in range(1, MANY + 1)]
    failed = [value | {"state": "failed", "reason": "Out of memory"} for value in every[9::10]]
    ready = [value for value in every if int(value["training_id"].split("-")[1]) % 10]
    seed(stack, (SEEDED, run_id), "train", ready)
    seed(stack, (SEEDED, run_id), "train", failed, task_state="failed")
    return run_id


@pytest.fixture(scope="module")
def below_a_path(stack: SystemStack, seeded: str) -> Iterator[str]:
    """Address of a second api-server of the same Airflow, which lies below a path."""
    port = free_port(0)
    url = f"http://{HOST}:{port}/team/airflow"
    environment = stack.environment | {"AIRFLOW__API__PORT": str(port), "AIRFLOW__API__BASE_URL": url}
    command = [sys.executable, "-m", "airflow", "api-server"]
    log = stack.logs / "api-server-below-a-path.log"
    component = Component("api-server-below-a-path", command, environment, log, stack.folder)
    try:
        deadline = time.monotonic() + 180
        while not answers(f"{url}/api/v2/version"):
            component.check()
            assert time.monotonic() < deadline, log.read_text()[-2000:]
            time.sleep(0.5)
        yield url
    finally:
        stop_all([component])


def answers(url: str) -> bool:
    """Whether there is a server that answers with success."""
    try:
        return requests.get(url, timeout=10).ok
    except requests.ConnectionError:
        return False


def training_of(stack: SystemStack, run_id: str, index: int) -> str:
    return str(stack.client.xcom(PAGES, run_id, "train", "training_id", index))


def open_tab(
    page: Page, stack: SystemStack, dag_id: str, run_id: str, task: str, tab: str = "Training"
) -> Locator:
    """Open a task instance in Airflow's UI and one of its tabs, as a person does."""
    page.goto(f"{stack.url}/dags/{dag_id}/runs/{quote(run_id, safe='')}/tasks/{task}")
    page.get_by_role("link", name=tab, exact=True).click()
    return page.frame_locator(f"iframe[title={tab}]").locator("body")


def open_list(page: Page, stack: SystemStack, **wish: str) -> Locator:
    """Open the page of all trainings on its own, outside of the frame."""
    page.goto(f"{stack.url}/dreambooth/trainings.html?{urlencode(wish)}")
    return page.locator("body")


def address(stack: SystemStack, name: str, dag_id: str, run_id: str, task_id: str) -> str:
    """Return where a tab lies when it is opened outside of the frame."""
    values = {"dag_id": dag_id, "run_id": run_id, "task_id": task_id, "map_index": "{MAP_INDEX}"}
    return f"{stack.url}/dreambooth/{name}.html?{urlencode(values)}"


def asked(page: Page) -> list[str]:
    """Return a list that grows by each address of Airflow's REST API that the page asks."""
    addresses: list[str] = []

    def note(request: Request) -> None:
        if "/api/v2/" in request.url:
            addresses.append(request.url)

    page.on("request", note)
    return addresses


def test_a_running_training_moves_from_stage_to_stage_without_a_reload(
    page: Page, stack: SystemStack, run: str
) -> None:
    tab = open_tab(page, stack, PAGES, run, f"train/mapped/{FOX}")
    expect(tab.get_by_role("heading", name="photo of sks fox")).to_be_visible()
    now = tab.locator("[aria-current=step]")
    expect(now).to_contain_text("training started", timeout=90_000)
    expect(tab.locator("progress")).to_be_visible()
    expect(tab.get_by_text("Paid: the service accepted this training.")).to_be_visible()
    tab.evaluate("() => { window.sameDocument = true; }")

    control(stack, training_of(stack, run, FOX), action="freeze", stage="trained_model_uploading")
    expect(now).to_contain_text("trained model uploading", timeout=90_000)
    control(stack, training_of(stack, run, FOX), action="ready")
    expect(tab.locator("header .badge")).to_have_text("Ready")
    expect(tab.get_by_text("nothing runs")).to_be_visible()
    assert tab.evaluate("() => window.sameDocument")
    assert tab.locator(".thumbnails img").count() == 8


def test_a_mapped_task_shows_its_own_training(page: Page, stack: SystemStack, run: str) -> None:
    tab = open_tab(page, stack, PAGES, run, f"train/mapped/{ROBOT}")
    expect(tab.get_by_role("heading", name="photo of sks robot")).to_be_visible()
    expect(tab.get_by_text(training_of(stack, run, ROBOT), exact=True)).to_be_visible()


def test_a_running_training_is_first_in_the_list_with_its_bar(
    page: Page, stack: SystemStack, run: str, seeded: str
) -> None:
    body = open_list(page, stack)
    first = body.locator("tbody tr").first
    expect(first).to_contain_text("photo of sks robot")
    expect(first).to_have_attribute("data-state", "running")
    expect(first.locator("progress")).to_be_visible()
    expect(first.locator("img")).to_have_js_property("complete", True)


def test_a_failed_training_says_why(page: Page, stack: SystemStack, run: str) -> None:
    tab = open_tab(page, stack, PAGES, run, f"train/mapped/{ROBOT}")
    control(stack, training_of(stack, run, ROBOT), action="fail", reason="CUDA out of memory")
    expect(tab.locator("header .badge")).to_have_text("Failed")
    expect(tab.get_by_role("alert")).to_contain_text("CUDA out of memory")
    expect(tab.get_by_role("alert")).to_contain_text("Next:")


def test_the_page_is_in_the_navigation(page: Page, stack: SystemStack, seeded: str) -> None:
    page.goto(f"{stack.url}/")
    page.get_by_role("link", name="Dreambooth").click()
    frame = page.frame_locator("iframe[title=Dreambooth]")
    expect(frame.get_by_role("heading", name="Dreambooth trainings")).to_be_visible()
    frame.get_by_role("link", name="photo of sks subject 1", exact=True).click()
    page.wait_for_url(f"**/dags/{SEEDED}/runs/**/tasks/train/plugin/dreambooth-training")
    tab = page.frame_locator("iframe[title=Training]")
    expect(tab.get_by_role("heading", name="photo of sks subject 1", exact=True)).to_be_visible()


def test_the_list_asks_once_for_each_row_and_keeps_what_has_not_changed(
    page: Page, stack: SystemStack, seeded: str
) -> None:
    requests = asked(page)
    body = open_list(page, stack, dag=SEEDED)
    expect(body.locator("tbody tr")).to_have_count(25)
    expect(body.get_by_text("nothing runs")).to_be_visible()
    values = [url for url in requests if "/xcomEntries/training" in url]
    assert len(values) == len(set(values)) == 25
    requests.clear()
    body.get_by_role("button", name="Refresh").click()
    expect(body.get_by_role("button", name="Older")).to_be_enabled()
    page.wait_for_load_state("networkidle")
    assert requests
    assert not [url for url in requests if "/xcomEntries/training" in url]


def test_the_numbers_count_trainings_beside_the_cap(page: Page, stack: SystemStack, seeded: str) -> None:
    stack.client.call(
        "POST",
        "connections",
        json=stack.connection("any-key", "capped") | {"extra": '{"max_trainings_per_day": 7}'},
    )
    seed(stack, (SEEDED, seeded), "train", [summary(8_000, connection="capped")])
    body = open_list(page, stack, dag=SEEDED)
    numbers = body.locator("#numbers")
    expect(numbers.locator("div", has_text="This month").locator("dd")).not_to_have_text("0")
    expect(numbers.locator("div", has_text="capped").locator("dd")).to_have_text("at most 7 in 24 hours")
    month = int(numbers.locator("div", has_text="This month").locator("dd").inner_text().replace(",", ""))
    today = int(numbers.locator("div", has_text="Today").locator("dd").inner_text().replace(",", ""))
    assert 1 <= today <= month


def test_the_list_has_pages(page: Page, stack: SystemStack, seeded: str) -> None:
    body = open_list(page, stack, dag=SEEDED)
    expect(body.locator("tbody tr")).to_have_count(25)
    first = body.locator("tbody code").all_inner_texts()
    body.get_by_role("button", name="Older").click()
    expect(body.locator("#page")).to_contain_text("Page 2 of ")
    expect(body.locator("tbody code").first).not_to_have_text(first[0])
    second = body.locator("tbody code").all_inner_texts()
    assert len(second) == 25
    assert not set(first) & set(second)
    body.get_by_role("button", name="Newer").click()
    expect(body.locator("tbody code").first).to_have_text(first[0])


def test_the_list_is_filtered_by_dag_state_and_subject(
    page: Page, stack: SystemStack, run: str, seeded: str
) -> None:
    body = open_list(page, stack)
    body.get_by_label("DAG").fill(SEEDED)
    body.get_by_label("State").select_option("failed")
    rows = body.locator("tbody tr")
    expect(rows.first).to_have_attribute("data-state", "failed")
    expect(rows.first).to_contain_text("Out of memory")
    assert {row.get_attribute("data-state") for row in rows.all()} == {"failed"}

    body.get_by_label("State").select_option("")
    body.get_by_label("Subject").fill("SUBJECT 37")
    expect(rows.first).to_contain_text("photo of sks subject 37", timeout=120_000)
    body.get_by_label("Subject").fill("nobody has this subject")
    expect(body.get_by_text("Nothing found so far")).to_be_visible(timeout=240_000)
    body.get_by_role("button", name="Clear").click()
    expect(rows).not_to_have_count(0)
    body.get_by_label("DAG").fill("no_such_dag")
    expect(body.get_by_text("No training fits these filters")).to_be_visible()


def test_a_reader_without_permission_for_a_dag_does_not_see_its_trainings(
    browser: Browser, stack: SystemStack, run: str, seeded: str
) -> None:
    passwords = json.loads((stack.home / "passwords.json").read_text())
    with browser.new_page() as page:
        log_in(page, stack.url, READER, passwords[READER])
        body = open_list(page, stack)
        expect(body.get_by_role("link", name="photo of sks fox")).to_be_visible()
        expect(body.get_by_role("link", name=SEEDED)).to_have_count(0)
        expect(body.locator("tbody tr")).to_have_count(2)
        expect(body.get_by_text("you may not read connections")).to_be_visible()
        page.goto(address(stack, "training", SEEDED, seeded, "train"))
        expect(body.get_by_text("You may not read this")).to_be_visible()


def test_the_page_says_when_the_session_has_ended(page: Page, stack: SystemStack, seeded: str) -> None:
    body = open_list(page, stack, dag=SEEDED)
    expect(body.locator("tbody tr")).to_have_count(25)
    page.context.clear_cookies()
    body.get_by_role("button", name="Refresh").click()
    expect(body.get_by_text("Your session has ended")).to_be_visible()


def test_hostile_texts_and_links_do_nothing(page: Page, stack: SystemStack, seeded: str) -> None:
    links = [
        "javascript:window.hacked=1",
        "data:text/html,<script>window.hacked=1</script>",
        "https://u:p@example.org/",
    ]
    texts: dict[str, Any] = dict.fromkeys(
        ("instance_prompt", "class_prompt", "method", "reason", "next_step", "money"), HOSTILE
    )
    stages = [{"stage": HOSTILE, "seen": HOSTILE}, "no stage", {"stage": {"deep": HOSTILE}}]
    hostile = summary(
        9_999, state=HOSTILE, images=links, stages=stages, parameters={HOSTILE: [HOSTILE]}, **texts
    )
    # In the list a task that has run; the other one has not.
    seed(stack, (SEEDED, seeded), "train", [hostile])
    hostile |= {"service": links[0], "training_id": HOSTILE, "requested_at": 17}
    rendering = {
        "version": 1,
        "state": HOSTILE,
        "prompt": HOSTILE,
        "images": links,
        "files": links,
        "service": links[1],
    }
    write_summary(stack, (SEEDED, seeded, "train"), hostile)
    write_summary(stack, (SEEDED, seeded, "render"), rendering, key="rendering")
    pages = (
        address(stack, "training", SEEDED, seeded, "train"),
        address(stack, "pictures", SEEDED, seeded, "render"),
        f"{stack.url}/dreambooth/trainings.html?{urlencode({'dag': SEEDED, 'subject': HOSTILE})}",
    )
    for url in pages:
        page.goto(url)
        expect(page.get_by_text(HOSTILE).first).to_be_visible()
        assert page.evaluate("() => window.hacked") is None
        targets = page.eval_on_selector_all("[href], [src]", "all => all.map(e => e.href || e.src)")
        assert targets
        assert [target for target in targets if not target.startswith("http")] == []
        assert [target for target in targets if "u:p@" in target] == []


def test_dark_and_light_follow_airflow(page: Page, stack: SystemStack, seeded: str) -> None:
    page.goto(f"{stack.url}/")
    page.evaluate("() => localStorage.setItem('theme', 'dark')")
    body = open_tab(page, stack, SEEDED, seeded, "train")
    brightness = """body => {
        const pen = new OffscreenCanvas(1, 1).getContext("2d");
        pen.fillStyle = getComputedStyle(body).backgroundColor;
        pen.fillRect(0, 0, 1, 1);
        return pen.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((sum, part) => sum + part, 0);
    }"""
    html = page.frame_locator("iframe[title=Training]").locator("html")
    expect(html).to_have_attribute("data-colours", "dark")
    assert body.evaluate(brightness) < 150
    page.evaluate("() => { document.documentElement.classList.replace('dark', 'light'); }")
    expect(page.frame_locator("iframe[title=Training]").locator("html")).to_have_attribute(
        "data-colours", "light"
    )
    assert body.evaluate(brightness) > 600


def test_a_hidden_tab_asks_nothing_and_a_shown_one_at_once(
    page: Page, stack: SystemStack, seeded: str
) -> None:
    write_summary(stack, (SEEDED, seeded, "train"), summary(8_001, state="running", ended_at=None))
    page.clock.install()
    page.goto(address(stack, "training", SEEDED, seeded, "train"))
    expect(page.get_by_text("again every")).to_be_visible()
    requests = asked(page)
    hide = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(hide, True)
    page.clock.run_for(60_000)
    assert requests == []
    with page.expect_request("**/xcomEntries/training*"):
        page.evaluate(hide, False)
    expect(page.get_by_text("again every")).to_be_visible()
    with page.expect_request("**/xcomEntries/training*"):
        page.clock.run_for(10_000)


def test_the_bar_moves_between_two_readings(page: Page, stack: SystemStack, seeded: str) -> None:
    began = datetime.now(UTC) - timedelta(minutes=10)
    running = summary(8_002, began=began, state="running", ended_at=None)
    write_summary(stack, (SEEDED, seeded, "train"), running)
    page.clock.install()
    page.goto(address(stack, "training", SEEDED, seeded, "train"))
    bar = page.locator("progress")
    expect(bar).to_be_visible()
    page.route("**/api/v2/**", lambda route: route.abort())
    before = bar.evaluate("bar => bar.value")
    page.clock.run_for(120_000)
    assert bar.evaluate("bar => bar.value") > before
    expect(page.get_by_text("Airflow does not answer.")).to_be_visible()


def test_images_are_shown_large_and_by_keyboard_alone(page: Page, stack: SystemStack, seeded: str) -> None:
    links = [f"{stack.emulator.url}/samples/fox/{number}.png" for number in (1, 2)]
    trained = summary(8_003)
    write_summary(stack, (SEEDED, seeded, "train"), trained)
    rendering = {
        "version": 1,
        "request_id": "4711",
        "state": "ready",
        "money": "accepted",
        "model_id": trained["training_id"],
        "prompt": "photo of sks fox in a cafe",
        "seed": 42,
        "images": links,
        "requested_at": trained["requested_at"],
    }
    write_summary(stack, (SEEDED, seeded, "render"), rendering, key="rendering")
    tab = open_tab(page, stack, SEEDED, seeded, "render", "Pictures")
    expect(tab.get_by_text("photo of sks fox in a cafe").first).to_be_visible()
    expect(tab.get_by_text("42", exact=True)).to_be_visible()
    expect(tab.locator(".facts").get_by_role("link", name="train")).to_be_visible()
    tab.get_by_role("button", name="Enlarge image 1").focus()
    page.keyboard.press("Enter")
    dialog = tab.get_by_role("dialog")
    expect(dialog.locator("img")).to_have_attribute("src", links[0])
    page.keyboard.press("ArrowRight")
    expect(dialog.locator("img")).to_have_attribute("src", links[1])
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(tab.get_by_role("button", name="Enlarge image 1")).to_be_focused()


def too_wide(page: Page) -> list[str]:
    """What reaches beyond the window; the layout follows the window a moment later on a busy machine."""
    with contextlib.suppress(PlaywrightTimeout):
        page.wait_for_function(
            "() => document.documentElement.scrollWidth <= innerWidth", timeout=NEXT_LAYOUT_MS
        )
    found = page.evaluate(
        """() => document.documentElement.scrollWidth <= innerWidth ? [] : [...document.querySelectorAll("body *")]
            .filter(each => each.getBoundingClientRect().right > innerWidth)
            .map(each => each.outerHTML.slice(0, 200))"""
    )
    return list(found)


def test_a_phone_needs_no_scrolling_sideways(page: Page, stack: SystemStack, seeded: str) -> None:
    page.set_viewport_size({"width": 375, "height": 700})
    word = "very" * 40
    fields = ("state", "money", "instance_prompt", "class_prompt", "method", "reason", "connection")
    long = summary(8_500, stages=[{"stage": word, "seen": None}], parameters={word: word})
    long |= dict.fromkeys(fields, word)
    seed(stack, (SEEDED, seeded), "train", [long])
    write_summary(stack, (SEEDED, seeded, "train"), long)
    for url in (
        f"{stack.url}/dreambooth/trainings.html?dag={SEEDED}",
        address(stack, "training", SEEDED, seeded, "train"),
        address(stack, "pictures", SEEDED, seeded, "render"),
    ):
        page.goto(url)
        expect(page.locator("#status")).to_contain_text("Read at")
        assert too_wide(page) == []


def test_a_base_path_of_airflow_is_kept(browser: Browser, below_a_path: str) -> None:
    with browser.new_page() as page:
        log_in(page, below_a_path, USER, PASSWORD)
        page.goto(f"{below_a_path}/plugin/dreambooth")
        frame = page.frame_locator("iframe[title=Dreambooth]")
        frame.get_by_role("link", name="photo of sks subject 2", exact=True).click()
        page.wait_for_url(f"{below_a_path}/dags/{SEEDED}/runs/**/tasks/train/plugin/dreambooth-training")
        tab = page.frame_locator("iframe[title=Training]")
        expect(tab.get_by_role("heading", name="photo of sks subject 2", exact=True)).to_be_visible()


def test_a_task_of_another_kind_says_that_it_trains_nothing(
    page: Page, stack: SystemStack, seeded: str
) -> None:
    page.goto(address(stack, "pictures", SEEDED, seeded, "train"))
    expect(page.get_by_text("This task has no images")).to_be_visible()
    page.goto(address(stack, "training", SEEDED, seeded, "nothing"))
    expect(page.get_by_text("Airflow has no such task instance")).to_be_visible()
