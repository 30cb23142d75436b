# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from dev.demo.airflow_settings import PASSWORD, USER
from dev.demo.ports import HOST
from tests.airflow_version import since_airflow
from tests.browser import log_in, running_browser
from tests.system.stack import SystemStack

pytestmark = [pytest.mark.browser, since_airflow("3.1", "the form is drawn from the REST API's words")]

CONNECTION_ID = "added_by_hand"


@pytest.fixture(scope="module")
def page(stack: SystemStack) -> Iterator[Page]:
    """A browser, logged in, on the list of connections."""
    with running_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        log_in(page, stack.url, USER, PASSWORD)
        page.goto(f"{stack.url}/connections")
        yield page


def row(page: Page) -> Locator:
    """The new connection in the list."""
    return page.get_by_role("row").filter(has_text=CONNECTION_ID)


def press_test(page: Page) -> None:
    """Press Test in the connection's row."""
    row(page).get_by_role("button", name="Test Connection").click()


def save(page: Page) -> None:
    """Save the form and wait until it is gone."""
    form = page.get_by_role("dialog")
    form.get_by_role("button", name="Save").click()
    expect(form).to_be_hidden()


def test_a_connection_is_added_and_tested_in_the_form(page: Page, stack: SystemStack, api_key: str) -> None:
    page.get_by_role("button", name="Add Connection").click()
    form = page.get_by_role("dialog")
    form.locator("input[name=connection_id]").fill(CONNECTION_ID)
    form.get_by_role("combobox").first.click()
    page.keyboard.type("dreamb")
    page.keyboard.press("Enter")

    for label in ("Base URL", "API key", "Port"):
        expect(form.get_by_text(label, exact=True)).to_be_visible()
    for hidden in ("Login", "Schema"):
        expect(form.get_by_text(hidden, exact=True)).to_have_count(0)
    expect(form.locator("input[name=host]")).to_have_attribute(
        "placeholder", "https://stablediffusionapi.com"
    )
    form.locator("input[name=host]").fill(f"http://{HOST}")
    form.locator("input[name=port]").fill(str(stack.emulator.port))
    form.locator("input[name=password]").fill("WrongKeyOfSomebody0123456789")

    form.get_by_role("button", name="Extra Fields", exact=True).click()
    for label in (
        "Environment",
        "Request timeout",
        "Concurrent requests",
        "Verify TLS",
        "Inference API",
        "Trainings per day",
        "Hugging Face token",
    ):
        expect(form.get_by_text(label, exact=True)).to_be_visible()
    expect(form.get_by_text("Seconds that one HTTP request may take.")).to_be_visible()
    expect(form.locator("input[name=element_timeout]")).to_have_value("30")
    form.locator("input[name=element_timeout]").fill("7")
    save(page)

    press_test(page)
    expect(page.get_by_text("Test Connection Failed")).to_be_visible()
    expect(page.get_by_text("Invalid Api Key")).to_be_visible()

    row(page).get_by_role("button", name="Edit Connection").click()
    form.locator("input[name=password]").fill(api_key)
    save(page)
    press_test(page)
    expect(page.get_by_text("Test Connection Successful")).to_be_visible()
    expect(page.get_by_text(f"{stack.emulator.url} accepts the key")).to_be_visible()


def test_what_the_form_stored_is_what_the_hook_reads(page: Page, stack: SystemStack) -> None:
    stored = stack.client.call("GET", f"connections/{CONNECTION_ID}")
    assert stored["conn_type"] == "dreambooth"
    assert stored["password"] == "***"
    filled = {name: value for name, value in json.loads(stored["extra"]).items() if value not in (None, "")}
    assert filled == {
        "environment": "sandbox",
        "timeout": 7,
        "max_concurrent_requests": 5,
        "verify": "true",
        "inference_api": "auto",
    }
