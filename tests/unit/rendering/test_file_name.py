# SPDX-License-Identifier: Apache-2.0
"""How saved pictures are called."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.rendering.file_name import FileName

GIVEN: dict[str, Any] = {
    "index": 3,
    "model_id": "F5jv",
    "prompt": "A Fox, on the Moon!",
    "seed": 7,
    "request_id": "12",
}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        (None, "F5jv-7-12-3"),
        ("{prompt}_{index:03}", "a-fox-on-the-moon_003"),
        ("{model_id}/{index}.png", "F5jv/3"),
        ("2026-01-01 {index}", "2026-01-01 3"),
    ],
)
def test_fields_are_filled_in(template: str | None, name: str) -> None:
    assert FileName(template, samples=4).of(**GIVEN) == name


def test_a_seed_that_nobody_knows_is_called_random() -> None:
    assert FileName(None, samples=1).of(**GIVEN | {"seed": None}) == "F5jv-random-12-3"


def test_no_value_leads_into_another_folder() -> None:
    name = FileName(None, samples=1).of(**GIVEN | {"model_id": "../../etc", "request_id": "/"})
    assert name == "etc-7-x-3"


def test_a_long_prompt_is_cut() -> None:
    assert len(FileName("{prompt}{index}", samples=1).of(**GIVEN | {"prompt": "word " * 500})) < 100


@pytest.mark.parametrize(
    ("template", "samples", "what"),
    [
        ("fox", 2, r"has no \{index\}"),
        ("{who}-{index}", 1, r"unknown field \{who\}"),
        ("{index.real}", 1, "unknown field"),
        ("{}", 1, "unknown field"),
        ("{index", 1, "cannot be filled in"),
        ("{prompt:d}", 1, "cannot be filled in"),
        ("../{index}", 1, "leads out of output_path"),
        ("/tmp/{index}", 1, "leads out of output_path"),
        ("a//{index}", 1, "leads out of output_path"),
        ("  ", 1, "is no name"),
        (7, 1, "is no name"),
    ],
)
def test_a_template_that_cannot_be_used_is_refused(template: Any, samples: int, what: str) -> None:
    with pytest.raises(DreamboothValidationError, match=what):
        FileName(template, samples=samples)


def test_one_picture_needs_no_index() -> None:
    assert FileName("fox", samples=1).of(**GIVEN) == "fox"


@pytest.mark.parametrize(
    ("template", "known"), [("{prompt}-{index}", True), ("{seed}-{index}", False), (None, False)]
)
def test_what_the_service_decides_is_not_known_before(template: str | None, known: bool) -> None:
    assert FileName(template, samples=1).is_known_before is known


@pytest.mark.parametrize(
    "template", ["{prompt}" * 4 + "{index}", "x" * 300, "é" * 130 + "{index}", "a/" + "b" * 250 + "{seed}"]
)
def test_a_name_that_no_folder_can_hold_is_refused_before(template: str) -> None:
    name = FileName(template, samples=1)
    with pytest.raises(DreamboothValidationError, match=r"bytes, of which the folder takes 255"):
        name.refuse_too_long(255, model_id="F5jv", prompt="word " * 50, seed=None)


def test_the_default_name_fits_whatever_the_service_answers() -> None:
    FileName(None, samples=4).refuse_too_long(255, model_id="F5jvdzGnYi" * 2, prompt="word " * 500, seed=None)


@pytest.mark.parametrize("template", ["{index:999999999}", "{index:{seed}}", "a\x00{index}", "a\n{index}"])
def test_a_format_that_asks_for_the_impossible_is_refused(template: str) -> None:
    with pytest.raises(DreamboothValidationError, match=r"^file_name"):
        FileName(template, samples=1)
