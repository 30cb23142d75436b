# SPDX-License-Identifier: Apache-2.0
"""The choice of models to delete: whatever speaks for a model keeps it, and each verdict says why.

A model is a candidate only when it is known for certain which subject it shows and when it became ready.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

#: Stands for the one subject of models that were named by hand.
NAMED_BY_HAND = "the models that were named"


@dataclass(frozen=True)
class Candidate:
    """
    A model that may be one too many.

    :param subject: what it shows; ``None`` when that is not known.
    :param ready_at: epoch seconds at which it became ready; ``None`` when that is not known.
    """

    model_id: str
    subject: str | None
    ready_at: float | None = None


@dataclass(frozen=True)
class Verdict:
    """
    What becomes of one model.

    :param subject: what it shows.
    :param delete: it is to be deleted.
    :param why: the reason, for people.
    """

    model_id: str
    subject: str | None
    delete: bool
    why: str

    def to_json(self) -> dict[str, Any]:
        """Return it for an XCom."""
        return asdict(self)


@dataclass(frozen=True)
class Rules:
    """
    What to keep.

    :param keep: how many of the newest models of each subject.
    :param unused_for: seconds for which a model stays after it became ready.
    :param pinned: models that stay whatever happens.
    :param subject: only models of this subject may go; ``None`` for all.
    """

    keep: int
    unused_for: float
    pinned: Collection[str] = ()
    subject: str | None = None


def choose(
    candidates: Sequence[Candidate], rules: Rules, *, existing: Collection[str] | None, now: float
) -> list[Verdict]:
    """
    Decide about each model that still exists.

    :param candidates: what is known, oldest first where no time tells the order.
    :param rules: what to keep.
    :param existing: models that the service has; ``None`` when it cannot be asked.
    :param now: epoch seconds.
    """
    there = [item for item in candidates if existing is None or item.model_id in existing]
    newest: dict[str, list[str]] = {}
    for item in _newest_first(there):
        if item.subject is not None:
            newest.setdefault(item.subject, []).append(item.model_id)
    return [_verdict(item, rules, newest, now) for item in there]


def _newest_first(candidates: Iterable[Candidate]) -> list[Candidate]:
    numbered = list(enumerate(candidates))
    numbered.sort(
        key=lambda pair: (pair[1].ready_at if pair[1].ready_at is not None else 0.0, pair[0]), reverse=True
    )
    return [item for _, item in numbered]


def _verdict(item: Candidate, rules: Rules, newest: dict[str, list[str]], now: float) -> Verdict:
    def kept(why: str) -> Verdict:
        return Verdict(item.model_id, item.subject, False, why)

    if item.subject is None:
        return kept("its subject is not known")
    if rules.subject is not None and item.subject != rules.subject:
        return kept("it shows another subject")
    if item.model_id in rules.pinned:
        return kept("it is pinned")
    rank = newest[item.subject].index(item.model_id) + 1
    if rank <= rules.keep:
        return kept(f"it is number {rank} of the {rules.keep} newest")
    if item.ready_at is not None and now - item.ready_at < rules.unused_for:
        return kept("it became ready only just now")
    return Verdict(item.model_id, item.subject, True, f"{rank - 1} models of its subject are newer")
