# SPDX-License-Identifier: Apache-2.0
"""
The screenshots of the documentation, from a real Airflow with the local emulator: ``make docs-screenshots``.

Taken again they differ in ids and times alone, so renew them when a form or a page has changed.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

import requests
from PIL import Image
from playwright.sync_api import FrameLocator, Locator, Page, expect, sync_playwright

from dev.demo.airflow_settings import PASSWORD, USER
from dev.demo.emulator import Emulator
from dev.demo.ports import HOST
from dev.demo.stack import Stack

IMAGES = Path(__file__).parent / "images"
DAG_ID = "train_wait_render"
#: Three trainings at once.
SUBJECTS = "several_subjects"
CHROMIUM_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
]
#: Enough for everything that the pages show, and far fewer bytes.
COLOURS = 256
#: Milliseconds for one step of the user interface; generous, since machines are loaded.
PATIENCE = 60_000


def main() -> int:
    """Take every screenshot."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is missing; get it with: sudo apt-get install chromium", file=sys.stderr)
        return 1
    folder = Path(tempfile.mkdtemp(prefix="dreambooth-screenshots-"))
    try:
        emulator = Emulator(folder, duration=600, render=1, port=8765)
        with Stack(folder, emulator, say=print) as stack, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_OPTIONS)
            page = browser.new_page(viewport={"width": 1280, "height": 1500})
            page.set_default_timeout(PATIENCE)
            expect.set_options(timeout=PATIENCE)
            stack.client.wait_for_dag(DAG_ID)
            stack.client.trigger(DAG_ID, "screenshot")
            stack.client.trigger(SUBJECTS, "screenshot")
            _log_in(page, stack)
            _connection_form(page, stack)
            _waiting_run(page, stack)
            _training_pages(page, stack)
            _emulator_page(page, stack)
            _pictures_tab(page, stack)
            browser.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _log_in(page: Page, stack: Stack) -> None:
    page.goto(f"{stack.url}/connections")
    page.get_by_label("Username").fill(USER)
    page.locator("input[type=password]").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/connections")


def _connection_form(page: Page, stack: Stack) -> None:
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=connection_id]").fill("dreambooth_production")
    form.get_by_role("combobox").first.click()
    page.keyboard.type("dreamb")
    page.keyboard.press("Enter")
    form.locator("input[name=password]").fill("any-key-of-twenty-letters")
    page.wait_for_timeout(1000)
    _save(form, "connection-form.png")
    form.get_by_role("button", name="Extra Fields", exact=True).click()
    expect(form.get_by_text("Environment", exact=True)).to_be_visible()
    page.wait_for_timeout(1000)  # the section opens slowly
    _save(form, "connection-form-extra.png")
    page.keyboard.press("Escape")


def _waiting_run(page: Page, stack: Stack) -> None:
    page.set_viewport_size({"width": 1280, "height": 640})
    stack.client.wait_for_task(DAG_ID, "screenshot", "wait", ("deferred",))
    page.goto(f"{stack.url}/dags/{DAG_ID}/runs/screenshot")
    expect(page.get_by_text("Deferred").first).to_be_visible()
    page.wait_for_timeout(3000)  # the grid draws itself
    _save(page, "waiting-run.png")


def _training_pages(page: Page, stack: Stack) -> None:
    # One has ended well, one badly, one is still running beside that of the other DAG.
    for index, action in ((0, "ready"), (2, "fail")):
        stack.client.wait_for_task(SUBJECTS, "screenshot", "wait", ("deferred",), map_index=index)
        training_id = stack.client.xcom(SUBJECTS, "screenshot", "train", "training_id", index)
        _control(stack, training_id, action)
    stack.client.wait_for_task(SUBJECTS, "screenshot", "wait", ("success",), map_index=0)
    stack.client.wait_for_task(SUBJECTS, "screenshot", "wait", ("failed", "up_for_retry"), map_index=2)
    page.set_viewport_size({"width": 1280, "height": 740})
    tab = _tab(page, stack, "wait", "Training")
    expect(tab.locator("[aria-current=step]")).to_contain_text("training started", timeout=2 * PATIENCE)
    expect(tab.locator("progress")).to_be_visible()
    page.wait_for_timeout(2000)
    _save(page, "training-tab.png")
    page.set_viewport_size({"width": 1280, "height": 510})
    page.goto(f"{stack.url}/plugin/dreambooth")
    rows = page.frame_locator("iframe[title=Dreambooth]").locator("tbody tr")
    expect(rows).to_have_count(4)
    page.wait_for_timeout(2000)
    _save(page, "trainings-page.png")


def _tab(page: Page, stack: Stack, task_id: str, name: str) -> FrameLocator:
    page.goto(f"{stack.url}/dags/{DAG_ID}/runs/screenshot/tasks/{task_id}")
    page.get_by_role("link", name=name, exact=True).click()
    return page.frame_locator(f"iframe[title={name}]")


def _control(stack: Stack, training_id: str, action: str) -> None:
    url = f"{stack.emulator.url}/emulator/trainings/{training_id}"
    requests.post(url, json={"action": action}, timeout=10).raise_for_status()


def _pictures_tab(page: Page, stack: Stack) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    tab = _tab(page, stack, "render", "Pictures")
    expect(tab.locator(".pictures img").first).to_be_visible()
    page.wait_for_timeout(2000)
    _save(page, "pictures-tab.png")


def _emulator_page(page: Page, stack: Stack) -> None:
    for training in stack.emulator.trainings():
        _control(stack, training["training_id"], "ready")
    stack.client.wait_for_task(DAG_ID, "screenshot", "render", ("success",))
    page.set_viewport_size({"width": 1000, "height": 520})
    page.goto(f"http://{HOST}:{stack.emulator.port}/")
    page.wait_for_load_state("networkidle")
    _save(page, "emulator-page.png")


def _save(what: Page | Locator, name: str) -> None:
    image = Image.open(io.BytesIO(what.screenshot()))
    IMAGES.mkdir(exist_ok=True)
    image.convert("RGB").quantize(COLOURS).save(IMAGES / name, optimize=True)
    print(f"{IMAGES / name}: {(IMAGES / name).stat().st_size // 1024} kB")


if __name__ == "__main__":
    sys.exit(main())
