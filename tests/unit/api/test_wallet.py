# SPDX-License-Identifier: Apache-2.0
"""The account's balance."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.api import wallet
from airflow_provider_dreambooth.api.call import Answer
from airflow_provider_dreambooth.api.reading import read_answer
from airflow_provider_dreambooth.exceptions import DreamboothNotFoundError, DreamboothTransientError


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"balance": 12.5, "currency": "USD"}, "12.50 USD"),
        ({"balance": "7", "currency": None}, "7.00"),
        ({"balance": -1, "currency": "EUR"}, "-1.00 EUR"),
    ],
)
def test_it_is_read(data: dict[str, Any], shown: str) -> None:
    assert str(wallet.read_balance({"status": "success", "data": data})) == shown


@pytest.mark.parametrize(
    "document",
    [[], {}, {"data": {}}, {"data": {"balance": "much"}}, {"data": {"balance": 1e300}}, {"data": [1]}],
)
def test_an_answer_without_a_balance_is_none(document: Any) -> None:
    with pytest.raises(DreamboothTransientError, match="without a balance"):
        wallet.read_balance(document)


def test_a_server_that_does_not_know_it_says_so() -> None:
    with pytest.raises(DreamboothNotFoundError):
        read_answer(wallet.balance(), Answer(404, b'{"status": "error", "message": "Not found"}'))
