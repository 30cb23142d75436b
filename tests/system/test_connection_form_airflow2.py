# SPDX-License-Identifier: Apache-2.0
"""The form of Airflow 2, which is made of wtforms widgets."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from dev.demo.airflow_settings import PASSWORD, USER
from dev.demo.ports import HOST
from tests.airflow_version import before_airflow
from tests.browser import running_browser
from tests.system.stack import SystemStack

pytestmark = [pytest.mark.browser, before_airflow("3.0", "the form is made of wtforms widgets")]

CONNECTION_ID = "added_by_hand"


@pytest.fixture(scope="module")
def page(stack: SystemStack) -> Iterator[Page]:
    """A browser, logged in."""
    with running_browser() as browser:
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        page.goto(f"{stack.url}/login/")
        page.locator("input[name=username]").fill(USER)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("input[type=submit]").click()
        expect(page.locator("input[name=password]")).to_have_count(0)
        yield page


def field(name: str) -> str:
    """Selector of an extra field: the form of the chosen connection type, not one of all the others."""
    return f"#extra__dreambooth__{name}"


def test_a_connection_is_added_and_tested_in_the_form(page: Page, stack: SystemStack, api_key: str) -> None:
    page.goto(f"{stack.url}/connection/add")
    page.locator("#conn_id").fill(CONNECTION_ID)
    page.select_option("#conn_type", "dreambooth", force=True)
    page.evaluate("$('#conn_type').trigger('change')")

    expect(page.get_by_text("API key", exact=True)).to_be_visible()
    expect(page.get_by_text("Base URL", exact=True)).to_be_visible()
    for hidden in ("#login", "#schema"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator("#host")).to_have_attribute("placeholder", "https://stablediffusionapi.com")
    expect(page.locator(field("timeout"))).to_have_value("30")
    page.locator("#host").fill(f"http://{HOST}:{stack.emulator.port}")
    page.locator("#password").fill("WrongKeyOfSomebody0123456789")
    page.locator(field("timeout")).fill("7")
    page.locator("#test-connection").click()
    expect(page.get_by_text("Invalid Api Key")).to_be_visible()

    page.locator("#password").fill(api_key)
    page.locator("#test-connection").click()
    expect(page.get_by_text(f"{stack.emulator.url} accepts the key")).to_be_visible()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Added Row")).to_be_visible()


def test_what_the_form_stored_is_what_the_hook_reads(page: Page, stack: SystemStack) -> None:
    stored = stack.client.call("GET", f"connections/{CONNECTION_ID}")
    assert stored["conn_type"] == "dreambooth"
    assert "password" not in stored
    assert json.loads(stored["extra"]) == {
        "environment": "sandbox",
        "timeout": 7,
        "max_concurrent_requests": 5,
        "verify": "true",
        "inference_api": "auto",
        "max_trainings_per_day": None,
    }


def test_a_wrong_value_is_refused_by_the_form(page: Page, stack: SystemStack) -> None:
    page.goto(f"{stack.url}/connection/add")
    page.locator("#conn_id").fill("refused_by_the_form")
    page.select_option("#conn_type", "dreambooth", force=True)
    page.evaluate("$('#conn_type').trigger('change')")
    page.locator(field("environment")).fill("staging")
    page.get_by_role("button", name="Save").click()
    # Airflow shows its own words instead of the validator's, at the right field.
    expect(page.locator("tr", has=page.locator(field("environment"))).locator(".alert")).to_be_visible()
    stored = stack.client.call("GET", "connections")["connections"]
    assert "refused_by_the_form" not in [connection["connection_id"] for connection in stored]
