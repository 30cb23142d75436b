# SPDX-License-Identifier: Apache-2.0
"""
Published prices and plans of the service, each with its source and date: the only place where the project states one.

Nothing here is asked from the service, and an account's plan may say otherwise. The docs, ``validate_only`` and the hints in
messages are made from this table.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """
    What one thing costs.

    :param what: the ``method`` of a training, ``rendering``, or a plan's name.
    :param usd: US dollars; ``None`` where no source tells.
    :param unit: what is paid for: ``training``, ``image``, ``hour`` or ``month``.
    :param is_least: the source says "from".
    :param includes: what a plan includes, or what comes on top; empty for nothing.
    :param source: who says so.
    :param as_of: date of the source, as far as it is known.
    """

    what: str
    usd: float | None
    unit: str
    source: str
    as_of: str
    is_least: bool = False
    includes: str = ""

    @property
    def text(self) -> str:
        """The price as a person reads it, such as ``from 3 USD a training``."""
        article = "an" if self.unit[0] in "aeiou" or self.unit == "hour" else "a"
        if self.usd is None:
            return f"by the {self.unit}, at a rate that no page states"
        amount = f"{self.usd:g}" if self.usd == int(self.usd) or self.usd < 0.01 else f"{self.usd:.2f}"
        return f"{'from ' if self.is_least else ''}{amount} USD {article} {self.unit}"


_SITE = "price page of the service, quoted by others"
_FAQ = "documentation of the service (FAQ)"
_DOCS = "documentation of the service"

PRICES: tuple[Price, ...] = (
    Price("dreambooth", 3, "training", _FAQ, "2026-05", is_least=True, includes="on top of a plan"),
    Price("dreambooth_v2", 3, "training", _FAQ, "2026-05", is_least=True, includes="on top of a plan"),
    Price("lora", 1, "training", _DOCS, "2026-05", includes="from the wallet"),
    Price(
        "trainer_v6",
        None,
        "hour",
        _DOCS,
        "2026-11",
        includes="the hour that has begun is charged, also after a stop",
    ),
    Price("rendering", 0.0047, "image", _SITE, "2026-10", includes="counts against the calls of a plan"),
)
PLANS: tuple[Price, ...] = (
    Price("Basic", 21, "month", _SITE, "2026-10", includes="3,250 calls, 5 requests at once"),
    Price("Standard", 47, "month", _SITE, "2026-10", includes="10,000 calls, 10 requests at once"),
    Price("Unlimited", 149, "month", _SITE, "2026-10", includes="15 requests at once"),
    Price("Enterprise", 249, "month", _SITE, "2026-10", is_least=True),
)


def price_of(what: str) -> Price | None:
    """
    Return the published price of one thing, ``None`` when no source states any.

    :param what: see :attr:`Price.what`.
    """
    return next((price for price in (*PRICES, *PLANS) if price.what == what), None)


def as_markdown() -> str:
    """Return the table as Markdown, for the documentation."""
    rows = ["| for | published price | | source | as of |", "|---|---|---|---|---|"]
    for price in (*PRICES, *PLANS):
        name = f"`{price.what}`" if price in PRICES else f"plan {price.what}"
        rows.append(f"| {name} | {price.text} | {price.includes} | {price.source} | {price.as_of} |")
    return "\n".join(rows)
