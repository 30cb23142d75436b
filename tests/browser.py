# SPDX-License-Identifier: Apache-2.0
"""A real browser on the stack's Airflow."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.requirements import required

OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: Milliseconds for one step of the user interface; generous, since machines are loaded.
PATIENCE = 30_000


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """Run chromium; without it the test ends."""
    chromium = required("chromium", "chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=[*OPTIONS])
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


def log_in(page: Page, url: str, user: str, password: str) -> None:
    """
    Log in and come out on Airflow's home page.

    :param url: Airflow's own address.
    """
    page.set_default_timeout(PATIENCE)
    page.goto(f"{url}/")
    page.get_by_label("Username").fill(user)
    page.locator("input[type=password]").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda address: "/auth/" not in address)
