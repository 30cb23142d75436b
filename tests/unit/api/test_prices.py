# SPDX-License-Identifier: Apache-2.0
"""Published prices: one table, from which the docs and the messages are made."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_dreambooth.api.fine_tune_rules import ENDPOINTS
from airflow_provider_dreambooth.api.prices import PLANS, PRICES, Price, as_markdown, price_of

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("price", [*PRICES, *PLANS], ids=lambda price: price.what)
def test_each_price_names_its_source_and_date(price: Price) -> None:
    assert price.source
    assert re.fullmatch(r"20\d\d-[01]\d", price.as_of)


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("dreambooth", "from 3 USD a training"),
        ("lora", "1 USD a training"),
        ("trainer_v6", "by the hour, at a rate that no page states"),
        ("rendering", "0.0047 USD an image"),
        ("Enterprise", "from 249 USD a month"),
    ],
)
def test_a_price_reads_as_a_person_would_say_it(what: str, text: str) -> None:
    price = price_of(what)
    assert price is not None
    assert price.text == text


def test_every_method_of_training_has_a_price_and_nothing_else_is_guessed() -> None:
    assert all(price_of(method) is not None for method in ENDPOINTS)
    assert price_of("a method of tomorrow") is None


def test_the_docs_show_this_table() -> None:
    page = (DOCS / "reference" / "prices.md").read_text()
    assert as_markdown() in page
