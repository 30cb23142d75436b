# SPDX-License-Identifier: Apache-2.0
"""What the pages say about names and values is what the code has."""

from __future__ import annotations

import re

import pytest

from airflow_provider_dreambooth import exceptions
from airflow_provider_dreambooth.connection_fields import EXTRA_FIELDS
from airflow_provider_dreambooth.images.record import SEEN_KEY, UPLOADS_KEY
from airflow_provider_dreambooth.links.dreambooth import RENDERING_LINKS, TRAINING_LINKS
from airflow_provider_dreambooth.operators import dreambooth as operators
from airflow_provider_dreambooth.rendering.record import RENDERING_KEY
from airflow_provider_dreambooth.training.record import RECORD_KEY
from airflow_provider_dreambooth.training.summary import SUMMARY_KEY, TrainingSummary
from airflow_provider_dreambooth.training.watch import WATCH_KEY
from tests.docs.fences import ROOT, pages

DOCS = ROOT / "docs"
LARGEST_IMAGE = 100_000


def test_the_page_of_xcoms_names_every_key() -> None:
    page = (DOCS / "reference" / "xcoms.md").read_text(encoding="utf-8")
    keys = {SEEN_KEY, UPLOADS_KEY, RENDERING_KEY, WATCH_KEY, RECORD_KEY}
    keys |= {link.xcom_key for link in (*TRAINING_LINKS, *RENDERING_LINKS)}
    assert f"`{SUMMARY_KEY}`" in page
    missing = {key for key in keys if key not in page and not re.search(r"picture_[23]_link", key)}
    assert missing == set()


def test_the_page_of_xcoms_names_every_field_of_the_training() -> None:
    page = (DOCS / "reference" / "xcoms.md").read_text(encoding="utf-8")
    assert {name for name in TrainingSummary("T1").to_json() if f"`{name}`" not in page} == set()


def test_the_reference_has_every_operator() -> None:
    page = (DOCS / "reference" / "operators.md").read_text(encoding="utf-8")
    assert {name for name in operators.__all__ if f"autoclass:: {name}\n" not in page} == set()


def test_troubleshooting_has_a_section_for_every_error() -> None:
    page = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
    classes = {
        name
        for name, value in vars(exceptions).items()
        if isinstance(value, type)
        and issubclass(value, exceptions.DreamboothError)
        and name != "DreamboothError"
    }
    assert {name for name in classes if f"\n## {name}\n" not in page} == set()


def test_the_page_of_the_connection_names_every_field_with_its_default() -> None:
    page = (DOCS / "connection.md").read_text(encoding="utf-8")
    for field in EXTRA_FIELDS:
        row = next((line for line in page.splitlines() if f"`extra.{field.name}`" in line), "")
        assert field.label in row
        assert str(field.default or "empty") in row


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md"], ids=lambda page: page.name)
def test_links_of_pages_outside_the_site_lead_somewhere(page: object) -> None:
    text = (ROOT / str(page)).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", text)
    assert {target for target in targets if not (ROOT / target).exists()} == set()


def test_the_site_fetches_nothing_from_elsewhere() -> None:
    for page in pages():
        assert not re.search(r"!\[[^]]*\]\(https?:", page.read_text(encoding="utf-8")), page


def test_images_of_the_pages_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in (DOCS / "images").iterdir()}
    assert {name: size for name, size in sizes.items() if size > LARGEST_IMAGE} == {}
