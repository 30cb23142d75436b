# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from airflow_provider_dreambooth.assets.selection import Candidate, Rules, Verdict, choose

NOW, DAY = 1_000_000.0, 86_400.0
FOX = [Candidate(f"fox-{age}", "fox", NOW - age * DAY) for age in (9, 7, 5, 3)]


def decide(candidates: list[Candidate], keep: int = 2, **more: object) -> dict[str, Verdict]:
    """Verdicts by model."""
    existing = more.pop("existing", None)
    rules = Rules(keep=keep, unused_for=DAY, **more)  # type: ignore[arg-type]
    return {item.model_id: item for item in choose(candidates, rules, existing=existing, now=NOW)}  # type: ignore[arg-type]


def deleted(verdicts: dict[str, Verdict]) -> set[str]:
    return {model_id for model_id, verdict in verdicts.items() if verdict.delete}


def test_the_newest_stay_and_the_rest_goes() -> None:
    assert deleted(decide(FOX)) == {"fox-9", "fox-7"}


def test_each_subject_is_counted_on_its_own() -> None:
    robot = Candidate("robot", "robot", NOW - 90 * DAY)
    assert "robot" not in deleted(decide([*FOX, robot]))


def test_models_of_another_subject_stay() -> None:
    robots = [Candidate(f"robot-{age}", "robot", NOW - age * DAY) for age in (9, 7, 5)]
    assert deleted(decide([*FOX, *robots], subject="robot")) == {"robot-9"}


def test_a_model_of_an_unknown_subject_stays() -> None:
    unknown = [Candidate(str(age), None, NOW - age * DAY) for age in range(5, 20)]
    assert deleted(decide(unknown, keep=1)) == set()


def test_a_pinned_model_stays_and_still_counts_as_one_of_the_newest() -> None:
    assert deleted(decide(FOX, pinned={"fox-9"})) == {"fox-7"}
    assert deleted(decide(FOX, pinned={"fox-3"})) == {"fox-9", "fox-7"}


def test_models_that_are_gone_do_not_count() -> None:
    assert deleted(decide(FOX, existing={"fox-9", "fox-7", "fox-5"})) == {"fox-9"}
    assert "fox-3" not in decide(FOX, existing={"fox-9"})


def test_a_model_that_has_only_just_become_ready_stays() -> None:
    new = [Candidate(str(hours), "fox", NOW - hours * 3600) for hours in (40, 23, 2, 1)]
    assert deleted(decide(new, keep=1)) == {"40"}


def test_without_times_the_last_named_is_the_newest() -> None:
    named = [Candidate(name, "these") for name in ("a", "b", "c")]
    assert deleted(decide(named, keep=1)) == {"a", "b"}


def test_every_verdict_says_why() -> None:
    assert all(verdict.why for verdict in decide(FOX, pinned={"fox-9"}).values())
