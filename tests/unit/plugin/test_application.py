# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from airflow_provider_dreambooth.plugin.application import STATIC, application

FILES = sorted(path.name for path in STATIC.iterdir())
PAGES = [name for name in FILES if name.endswith(".html")]


@pytest.fixture
def client() -> TestClient:
    return TestClient(application())


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_served_under_a_strict_policy(client: TestClient, name: str) -> None:
    answer = client.get(f"/{name}")
    assert answer.status_code == 200
    policy = dict(rule.split(" ", 1) for rule in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'self'"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_file_that_is_the_same_is_not_sent_again(client: TestClient) -> None:
    first = client.get("/trainings.html")
    again = client.get("/trainings.html", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("path", ["/../application.py", "/%2e%2e/application.py", "/nothing.html", "/"])
def test_nothing_else_is_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("name", PAGES)
def test_a_page_loads_nothing_from_elsewhere_and_holds_no_script_or_style(name: str) -> None:
    page = (STATIC / name).read_text()
    named = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert named
    assert all((STATIC / address).is_file() for address in named)
    assert re.search(r"<script[^>]*>[^<]", page) is None
    assert not re.search(r"<style|\sstyle=|\son\w+=", page)


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_a_script_never_makes_html_of_text(path: Path) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|cssText"
    assert re.search(forbidden, path.read_text()) is None
