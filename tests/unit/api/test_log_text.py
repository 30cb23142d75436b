# SPDX-License-Identifier: Apache-2.0
"""The free text beside a stage."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from airflow_provider_dreambooth.api.log_text import Progress, read_eta, read_progress, split_log
from tests.unit.api.service_answers import STATUS

DOCUMENTED_LOG: str = json.loads(STATUS)["data"]
WORKER_LOG = (
    " /n Step:1 Training Started, 5 More Steps to go : ETA : 60 minutes | Time Elapsed : 12.3 seconds"
    " /n Step:2 Training Done, 4 More Steps to go : ETA : 15 minutes | Time Elapsed : 900.1 seconds"
    " /n Step:3 Model Compressing, 3 More Steps to go : ETA : 25 minutes | Time Elapsed : 950.7 seconds"
)


def test_the_documented_log_is_split_into_its_pieces() -> None:
    lines = split_log(DOCUMENTED_LOG)
    assert len(lines) == 5
    assert lines[0] == "Step:1 Training Started, 5 Steps to go : ETA : 30 minutes"
    assert lines[-1] == "Model loaded successfully"


def test_the_documented_log_ends_with_nothing_left_to_do() -> None:
    progress = read_progress(DOCUMENTED_LOG)
    assert (progress.step, progress.title, progress.steps_to_go, progress.eta) == (
        4,
        "Model Uploaded",
        0,
        0.0,
    )


def test_newlines_separate_as_well_as_the_two_characters() -> None:
    assert read_progress(DOCUMENTED_LOG.replace(" /n ", "\n")) == read_progress(DOCUMENTED_LOG)
    assert read_progress(DOCUMENTED_LOG.replace(" /n ", "\r\n")) == read_progress(DOCUMENTED_LOG)


def test_and_n_inside_a_path_is_no_separator() -> None:
    assert split_log("saved to /new/n1 and/nor else") == ("saved to /new/n1 and/nor else",)


def test_the_trainers_own_wording_is_read() -> None:
    progress = read_progress(WORKER_LOG)
    assert (progress.step, progress.title, progress.steps_to_go) == (3, "Model Compressing", 3)


def test_the_last_eta_counts_even_when_it_is_larger_than_the_one_before() -> None:
    assert read_progress(WORKER_LOG).eta == 25 * 60


def test_time_elapsed_is_never_time_left() -> None:
    assert read_eta("Step:1 Done | Time Elapsed : 12.3 seconds") is None
    assert read_eta("Time Elapsed : 12.3 seconds\nit will take 2 minutes") == 120
    assert read_eta("5 More Steps to go : ETA : 60 minutes | Time Elapsed : 12.3 seconds") == 3600
    assert (
        read_eta("Step:4 Model Uploaded, 1 More Steps to go : ETA : 10 minutes | Time Elapsed : 7.1") == 600
    )


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("it will take upto 25 minutes.", 1500),
        ("it will take upto 45 minutes", 2700),
        ("30 Minutes", 1800),
        ("ETA : 2 hours", 7200),
        ("eta: 1.5 Hours", 5400),
        ("ETA 90 SECONDS", 90),
        ("ETA : 1 hr", 3600),
        ("ETA : 5 mins", 300),
        ("ETA : 0 minutes", 0),
        ("ETA : 15 minutes /n ETA : 0", 0),
        ("ETA : 15 minutes, ETA : 25 minutes", 1500),
    ],
)
def test_units_capitals_and_fractions_of_an_eta(text: str, seconds: float) -> None:
    assert read_eta(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "soon", "ETA : soon", "25", "5 minutesque", "deploying_gpu"])
def test_a_text_without_a_time_announces_none(text: str) -> None:
    assert read_eta(text) is None


def test_a_word_that_ends_like_eta_announces_nothing_of_its_own() -> None:
    assert read_eta("ETA : 10 minutes | beta 3 minutes") == 600


def test_an_empty_text_is_a_valid_text() -> None:
    assert read_progress("") == Progress()
    assert read_progress(" /n  /n \n") == Progress()


def test_a_step_number_may_repeat() -> None:
    text = "Step:3 Model Compressing, 3 More Steps to go : ETA : 25 minutes /n Step:3 Model Uploading, 2 More Steps to go"
    progress = read_progress(text)
    assert (progress.step, progress.title, progress.steps_to_go) == (3, "Model Uploading", 2)


def test_lines_hold_no_control_characters() -> None:
    assert split_log("a\x00b\x1b[31m /n \ud800c") == ("a b [31m", "c")


@pytest.mark.parametrize(
    "piece", ["step 1 ", " ", "9", "eta 1 ", "time elapsed ", "/n ", "Step:1 a, 1 step "]
)
def test_a_huge_text_is_read_in_no_time(piece: str) -> None:
    started = time.perf_counter()
    read_progress(piece * (1_000_000 // len(piece)))
    assert time.perf_counter() - started < 2


@settings(deadline=None)
@given(some.text())
def test_no_text_whatsoever_breaks_the_reading(text: str) -> None:
    progress = read_progress(text)
    assert progress.eta is None or 0 <= progress.eta < float("inf")


UNITS = {"minutes": 60, "Minutes": 60, "min": 60, "hours": 3600, "HOUR": 3600, "seconds": 1, "sec": 1}
noise = some.text(
    alphabet=some.characters(categories=["Lu", "Ll", "Zs"], exclude_characters="eEhHmMsS"), max_size=20
)


@settings(deadline=None)
@given(
    some.lists(
        some.tuples(noise, some.integers(0, 500), some.sampled_from(sorted(UNITS))), min_size=1, max_size=6
    ),
    some.sampled_from([" /n ", "\n", " /n  /n "]),
)
def test_the_last_eta_of_any_log_is_found(pieces: list[tuple[str, int, str]], separator: str) -> None:
    log = separator.join(f"{words} : ETA : {number} {unit}" for words, number, unit in pieces)
    _, number, unit = pieces[-1]
    assert read_progress(log).eta == number * UNITS[unit]
