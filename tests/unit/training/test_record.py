# SPDX-License-Identifier: Apache-2.0
"""The record as JSON that people can read and edit, and that is never taken for nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.training.record import LONGEST_PROMPT, MOST_KNOWN_MODELS, Ending, Record

MOMENTS = st.integers(min_value=0, max_value=4_000_000_000).map(float)
IDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=25).filter(
    lambda text: text.lower() not in ("none", "null")
)
RECORDS = st.builds(
    Record,
    fingerprint=st.text(max_size=80),
    account=st.text(max_size=80),
    intent_at=MOMENTS,
    max_tries=st.integers(min_value=0, max_value=1000),
    training_id=st.none() | IDS,
    ending=st.none() | st.sampled_from([ending for ending in Ending if ending is not Ending.NOT_ACCEPTED]),
    reason=st.none() | st.text(max_size=200),
    known_models=st.none() | st.lists(IDS, max_size=5).map(tuple),
    deadline=st.none() | MOMENTS,
    lost_at=st.none() | MOMENTS,
    key_digest=st.none() | st.text(max_size=80),
    adopted=st.booleans(),
    instance_prompt=st.none() | st.text(max_size=200),
    queued_until=st.none() | MOMENTS,
    training_api=st.none() | st.sampled_from(["v3", "v6"]),
    sent_as=st.none() | st.text(max_size=70),
    try_number=st.none() | st.integers(min_value=0, max_value=1000),
)
REPLACING = st.builds(
    lambda record, earlier: replace(record, earlier=earlier and replace(earlier, training_id="T0")),
    RECORDS,
    st.none() | RECORDS,
)


@given(REPLACING)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    assert Record.from_json(json.loads(json.dumps(record.to_json()))) == record


def entry(**changes: Any) -> dict[str, Any]:
    written = Record(
        fingerprint="sha256:1", account="here production", intent_at=1000.0, max_tries=1, training_id="T1"
    ).to_json()
    return {**written, **changes}


def test_a_record_of_before_tries_were_numbered_can_be_read() -> None:
    older = entry()
    del older["try_number"]
    assert Record.from_json(older) == Record.from_json(entry(try_number=None))


def test_no_entry_is_no_record() -> None:
    assert Record.from_json(None) is None


@pytest.mark.parametrize(
    "unreadable",
    [
        [],
        3,
        False,
        "",
        "T1",
        "[1]",
        {},
        {"training_id": "T1"},
        entry(ending="finished"),
        entry(max_tries=None),
        entry(max_tries="2"),
        entry(try_number="2"),
        entry(max_tries=True),
        entry(intent_at=None),
        entry(intent_at="yesterday"),
        entry(deadline="soon"),
        entry(training_id=["T1"]),
        entry(training_id=True),
        entry(known_models="T0"),
        entry(version=2),
        entry(training_api="v9"),
        entry(earlier="T0"),
        entry(earlier=entry(training_id=None)),
    ],
)
def test_an_unreadable_entry_is_never_taken_for_no_entry(unreadable: Any) -> None:
    with pytest.raises(DreamboothValidationError, match="Nothing was sent") as caught:
        Record.from_json(unreadable)
    assert "dreambooth_training" in str(caught.value)


def test_a_person_can_hand_a_training_over() -> None:
    lost = entry(training_id=None, known_models=["T0"])
    handed = Record.from_json({**lost, "training_id": "  T9 "})
    assert handed is not None
    assert handed.training_id == "T9"
    assert not handed.in_doubt


def test_a_training_handed_over_after_a_refusal_counts() -> None:
    refused = Record.from_json(entry(training_id="T9", ending="not_accepted"))
    assert refused is not None
    assert refused.ending is None


@pytest.mark.parametrize("nothing", [None, "", "  ", "null", "None"])
def test_an_emptied_id_is_no_id(nothing: Any) -> None:
    record = Record.from_json(entry(training_id=nothing))
    assert record is not None
    assert record.in_doubt


def test_an_id_may_be_a_number() -> None:
    record = Record.from_json(entry(training_id=4711))
    assert record is not None
    assert record.training_id == "4711"


def test_an_edit_may_have_turned_the_object_into_its_text() -> None:
    assert Record.from_json(json.dumps(entry())) == Record.from_json(entry())


def test_the_known_models_are_kept_only_while_they_can_settle_something() -> None:
    doubtful = Record("f", "a", 1000.0, 0, known_models=("T0",), lost_at=1030.0)
    assert doubtful.in_doubt
    assert doubtful.with_training("T1").known_models is None
    assert doubtful.with_training("T1").lost_at is None
    assert doubtful.ended(Ending.NOT_ACCEPTED).known_models is None
    assert not doubtful.ended(Ending.NOT_ACCEPTED).in_doubt


def test_the_largest_record_fits_into_the_state_store() -> None:
    """Airflow takes 65,536 characters of JSON."""
    ids = tuple(f"{number:036d}" for number in range(MOST_KNOWN_MODELS))
    facts: dict[str, Any] = {"reason": "r" * 500, "deadline": 2e9, "lost_at": 1e9, "key_digest": "d" * 50}
    earlier = Record("f" * 80, "a" * 200, 1e9, 10, training_id="T" * 200, **facts)
    record = Record(
        "f" * 80,
        "a" * 200,
        1e9,
        10,
        known_models=ids,
        instance_prompt="\u00fc" * LONGEST_PROMPT,
        earlier=earlier,
        **facts,
    )
    assert len(json.dumps(record.to_json())) < 65_536


@pytest.mark.parametrize(
    ("former", "ending"),
    [
        ("failed for good", Ending.FAILED_PERMANENTLY),
        ("cancelled by somebody else", Ending.CANCELLED_EXTERNALLY),
        ("not accepted", Ending.NOT_ACCEPTED),
    ],
)
def test_records_of_earlier_versions_are_still_read(former: str, ending: Ending) -> None:
    text = entry(training_id=None, ending=former)
    for new in ("key_digest", "adopted", "instance_prompt", "earlier", "queued_until"):
        del text[new]
    record = Record.from_json(text)
    assert record is not None
    assert record.ending is ending
