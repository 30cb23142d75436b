# SPDX-License-Identifier: Apache-2.0
"""The call that asks how much money the account holds (documentation of 2026). Free; not every server knows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_dreambooth.api.answer import flatten, unreadable
from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.api.scalar import number_in


@dataclass(frozen=True)
class WalletBalance:
    """
    What the account has to spend.

    :param amount: in units of the currency.
    :param currency: such as ``USD``; empty when the service does not say.
    """

    amount: float
    currency: str = ""

    def __str__(self) -> str:
        return f"{self.amount:.2f} {self.currency}".strip()


def balance() -> ApiCall[WalletBalance]:
    """Return the call that asks for the balance."""
    return ApiCall(path="/api/wallet_balance", body={}, read=read_balance, about="the account's wallet")


def read_balance(document: Any) -> WalletBalance:
    """
    Read the answer.

    :raises DreamboothTransientError: it names no amount.
    """
    data = document.get("data") if isinstance(document, Mapping) else None
    details: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    amount = number_in(details.get("balance"))
    if amount is None or abs(amount) >= 1e12:
        raise unreadable("the account's wallet", "an answer without a balance")
    return WalletBalance(amount, flatten(details.get("currency"))[:10])
