"""
The pictures of the documentation, from a real Airflow with the local emulator: ``make docs-screenshots``.

Taken anew they differ in ids and times alone, so renew them when a form or a page has changed.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from pathlib import Path

import requests
from PIL import Image
from playwright.sync_api import Locator, Page, expect, sync_playwright

from dev.demo.airflow_settings import PASSWORD, USER
from dev.demo.emulator import Emulator
from dev.demo.ports import HOST
from dev.demo.stack import Stack

IMAGES = Path(__file__).parent / "images"
DAG_ID = "train_wait_render"
CHROMIUM_OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
]
#: Enough for everything that the pages show, and far fewer bytes.
COLOURS = 128
#: Milliseconds for one step of the user interface; generous, since machines are loaded.
PATIENCE = 60_000


def main() -> int:
    """Take every picture."""
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
            _log_in(page, stack)
            _connection_form(page, stack)
            _waiting_run(page, stack)
            _emulator_page(page, stack)
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


def _emulator_page(page: Page, stack: Stack) -> None:
    for training in stack.emulator.trainings():
        url = f"{stack.emulator.url}/emulator/trainings/{training['training_id']}"
        requests.post(url, json={"action": "ready"}, timeout=10).raise_for_status()
    stack.client.wait_for_task(DAG_ID, "screenshot", "render", ("success",))
    page.set_viewport_size({"width": 1000, "height": 520})
    page.goto(f"http://{HOST}:{stack.emulator.port}/")
    page.wait_for_load_state("networkidle")
    _save(page, "emulator-page.png")


def _save(what: Page | Locator, name: str) -> None:
    picture = Image.open(io.BytesIO(what.screenshot()))
    IMAGES.mkdir(exist_ok=True)
    picture.convert("RGB").quantize(COLOURS).save(IMAGES / name, optimize=True)
    print(f"{IMAGES / name}: {(IMAGES / name).stat().st_size // 1024} kB")


if __name__ == "__main__":
    sys.exit(main())
