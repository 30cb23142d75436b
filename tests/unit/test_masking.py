# SPDX-License-Identifier: Apache-2.0
"""The key does not come through."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.api.call import Answer
from airflow_provider_dreambooth.exceptions import DreamboothError
from airflow_provider_dreambooth.masking import Mask, secrets_in, without_secrets

KEY = 'Zq7w/"secret" key'


@pytest.mark.parametrize(
    "shown",
    [
        KEY,
        "Zq7w%2F%22secret%22%20key",
        "Zq7w%2f%22secret%22+key",
        "Zq7w%252F%2522secret%2522%2520key",
        'Zq7w/\\"secret\\" key',
        r"Zq7w\/\"secret\" key",
        r"Zq7w\u002f\u0022secret\u0022\u0020key",
        r"Zq7w\\u002F\\u0022\\u0073ecret\\u0022 key",
        "Zq7w/&quot;secret&#34; key",
        repr(KEY)[1:-1],
    ],
)
def test_every_spelling_is_masked(shown: str) -> None:
    assert Mask(KEY).in_text(f"before {shown} after") == "before *** after"


def test_a_secret_is_masked_inside_words_too() -> None:
    assert Mask("k3y" * 10).in_text("before" + "k3y" * 10 + "after") == "before***after"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("The key demo is wrong", "The key *** is wrong"),
        ('{"key":"demo"}', '{"key":"***"}'),
        ("key=demo&steps=5", "key=***&steps=5"),
        ("key%3Ddemo%26steps", "key%3D***%26steps"),
        (r"key:\ndemo\n", r"key:\n***\n"),
        ("key_demo_old", "key_***_old"),
        ("a demonstration for a demographic", "a demonstration for a demographic"),
        ("demo2 and 2demo", "demo2 and 2demo"),
    ],
)
def test_a_key_of_few_letters_is_masked_as_a_word_of_its_own(text: str, shown: str) -> None:
    assert Mask("demo").in_text(text) == shown


def test_a_short_key_of_other_signs_is_masked_wherever_it_stands() -> None:
    assert Mask("/a!").in_text("x/a!y") == "x***y"


def test_no_key_masks_nothing() -> None:
    assert Mask("").in_text("a text") == "a text"


def test_an_error_is_masked_in_message_and_raw() -> None:
    error = Mask(KEY).in_error(DreamboothError(f"said {KEY}", raw=f"raw {KEY}"))
    assert (str(error), error.message, error.raw) == ("said ***", "said ***", "raw ***")


def test_an_answer_is_masked_and_stays_as_it_is_otherwise() -> None:
    answer = Answer(200, b'{"echo": "' + b"k" * 40 + b'"}', 3.0)
    assert Mask("k" * 40).in_answer(answer) == Answer(200, b'{"echo": "***"}', 3.0)


@pytest.mark.parametrize("word", ["demo", "emulator", "success"])
def test_a_plain_word_as_key_does_not_spoil_links_and_stages(word: str) -> None:
    answer = Answer(200, f'{{"output": ["http://127.0.0.1/{word}/0.png"]}}'.encode())
    assert Mask(word).in_answer(answer) is answer


@pytest.mark.parametrize(
    "echo", [r"Zq7w\/\"secret\" key", r"Zq7w\u002F\u0022secret\u0022 key", "Zq7w%2F%22secret%22%20key"]
)
def test_a_result_with_an_escaped_key_is_masked(echo: str) -> None:
    answer = Answer(200, f'{{"output": ["https://cdn/?k={echo}"]}}'.encode())
    assert Mask(KEY).in_answer(answer).body == b'{"output": ["https://cdn/?k=***"]}'


def test_two_secrets_are_masked() -> None:
    assert Mask("first-secret", "second-secret").in_text("first-secret second-secret") == "*** ***"


def test_fields_named_like_secrets_are_hidden_at_any_depth() -> None:
    parameters = {
        "wandb_key": "w1",
        "hf_token": "h1",
        "tokenizer": "clip",
        "learning_rate": "2e-6",
        "loras": [{"api_key": "a1", "name": "fox"}],
        "password": None,
    }
    assert without_secrets(parameters) == {
        "wandb_key": "***",
        "hf_token": "***",
        "tokenizer": "clip",
        "learning_rate": "2e-6",
        "loras": [{"api_key": "***", "name": "fox"}],
        "password": None,
    }
    assert list(secrets_in(parameters)) == ["w1", "h1", "a1"]
