# SPDX-License-Identifier: Apache-2.0
"""Every sentence about a paid training: which one, what became of it, what a retry or a clear will do."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.exceptions import DreamboothNotFoundError
from airflow_provider_dreambooth.training import messages
from airflow_provider_dreambooth.training.record import Ending

SENTENCES = [
    messages.failed("T1", "CUDA out of memory", cause_is_permanent=False),
    messages.failed("T1", None, cause_is_permanent=False),
    messages.failed("T1", "Valid image links less than 3", cause_is_permanent=True),
    messages.cancelled("T1"),
    messages.vanished("T1", DreamboothNotFoundError("gone"), was_ready=True),
    messages.vanished("T1", DreamboothNotFoundError("gone"), was_ready=False),
    *(
        messages.timed_out("T1", waited=waited, cancelled_it=cancelled, environment_can_cancel=can)
        for waited in (None, 3600.0)
        for cancelled, can in ((True, True), (False, True), (False, False))
    ),
]


@pytest.mark.parametrize("text", SENTENCES)
def test_each_names_the_training_and_what_comes_next(text: str) -> None:
    assert "T1" in text
    assert "clear" in text.lower()
    assert "None" not in text


def test_a_permanent_cause_is_not_said_to_be_retried() -> None:
    text = messages.failed("T1", "Valid image links less than 3", cause_is_permanent=True)
    assert "no retry" in text
    assert "Valid image links less than 3" in text


def test_a_timeout_says_whether_the_training_runs_on() -> None:
    def text(*, cancelled_it: bool, can: bool) -> str:
        return messages.timed_out("T1", waited=21600.0, cancelled_it=cancelled_it, environment_can_cancel=can)

    assert "was cancelled" in text(cancelled_it=True, can=True)
    assert "at no cost" in text(cancelled_it=False, can=True)
    assert "sandbox has no cancel" in text(cancelled_it=False, can=False)
    assert "within 6 h 00 min" in text(cancelled_it=False, can=True)


def test_each_ending_has_words() -> None:
    assert set(messages.ENDED) == {None, *Ending}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 s"), (0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3570, "1 h 00 min"), (3900, "1 h 05 min")],
)
def test_spans_of_time_read_as_people_say_them(seconds: float, words: str) -> None:
    assert messages.duration(seconds) == words
