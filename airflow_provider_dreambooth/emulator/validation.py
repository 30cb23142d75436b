# SPDX-License-Identifier: Apache-2.0
"""What the service refuses, and in which words: 2023's lists by field and today's one sentence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.vocabulary import LEARNING_RATES

Problems = dict[str, list[tuple[str, str]]]
_MOST_DREAMBOOTH_STEPS = 2000
_TODAYS_LORA_STEPS = (10, 50)


def _words(field: str) -> str:
    return field.replace("_", " ")


class _Finder:
    """Collects the problems of one body."""

    def __init__(self, body: dict[str, Any]) -> None:
        self.body = body
        self.problems: Problems = {}

    def add(self, field: str, old: str, new: str) -> None:
        self.problems.setdefault(field, []).append((old, new))

    def required(self, fields: Iterable[str]) -> None:
        for field in fields:
            value = self.body.get(field)
            if value is None or (isinstance(value, str) and not value.strip()) or value == []:
                self.add(field, f"The {_words(field)} field is required.", f"{field} is required")

    def number(self, field: str, low: float, high: float, whole: bool = True) -> float | None:
        """Check a number that may come as a string; absent and null are the default."""
        return self._number(field, self.body.get(field), low, high, whole)

    def numbers(self, field: str, low: float, high: float) -> None:
        """Check a number, or several with commas between them."""
        for part in str(self.body.get(field) or "").split(","):
            self._number(field, part.strip(), low, high, whole=False)

    def _number(self, field: str, value: Any, low: float, high: float, whole: bool) -> float | None:
        if value is None or value == "":
            return None
        try:
            if isinstance(value, bool):
                raise ValueError
            number = float(value)
            if whole and number != int(number):
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            kind = "an integer" if whole else "a number"
            self.add(field, f"The {_words(field)} must be {kind}.", f"{field} must be {kind}")
            return None
        if not low <= number <= high:
            self.add(
                field,
                f"The {_words(field)} must be between {low:g} and {high:g}.",
                f"{field} must be between {low:g} and {high:g}",
            )
            return None
        return number

    def links(self) -> None:
        self.required(("images",))
        images = self.body.get("images")
        if "images" in self.problems:
            return
        if not isinstance(images, list):
            self.add("images", "The images must be an array.", "images must be an array")
        elif not all(isinstance(image, str) for image in images):
            self.add("images", "The images must be strings.", "images must be an array of URLs")

    def one_of(self, field: str, allowed: frozenset[str]) -> None:
        value = self.body.get(field)
        if value is not None and value != "" and not (isinstance(value, str) and value in allowed):
            self.add(field, f"The selected {_words(field)} is invalid.", f"{field} is invalid")


def training_problems(endpoint: str, body: dict[str, Any], options: Options) -> Problems:
    """Check the body of a new training.

    Fields that an endpoint does not have are ignored, and any training type is taken: the trainer makes
    unknown ones generic.
    """
    finder = _Finder(body)
    finder.required(("instance_prompt", "class_prompt"))
    finder.links()
    if options.require_base_model and endpoint in ("fine_tune", "fine_tune_v2"):
        finder.required(("base_model_id",))
    if endpoint == "lora_fine_tune":
        low, high = _TODAYS_LORA_STEPS if options.lora_steps == "today" else (1, _MOST_DREAMBOOTH_STEPS)
        finder.number("max_train_steps", low, high)
        finder.one_of("base_model_type", frozenset({"normal", "sdxl"}))
        finder.one_of("lora_type", frozenset({"lora", "lycoris"}))
    elif endpoint == "fine_tune_v2":
        finder.one_of("learning_rate_unet", LEARNING_RATES)
        finder.one_of("learning_rate_text_encoder", LEARNING_RATES)
        finder.number("steps_unet", 1, 1_000_000)
        finder.number("steps_text_encoder", 1, 1_000_000)
    else:
        finder.number("max_train_steps", 1, _MOST_DREAMBOOTH_STEPS)
    finder.number("seed", 0, 2**64)
    return finder.problems


def trainer_problems(body: dict[str, Any]) -> Problems:
    """Check the body of a v6 training. Each trainer takes its own fields, and which there are is not published."""
    finder = _Finder(body)
    finder.required(("trainer_id",))
    finder.links()
    for steps in ("training_steps", "max_train_steps"):
        finder.number(steps, 1, 100_000)
    return finder.problems


def inference_problems(endpoint: str, body: dict[str, Any]) -> Problems:
    """Check the body of a render."""
    finder = _Finder(body)
    finder.required(("prompt", "model_id"))
    for side in ("width", "height"):
        number = finder.number(side, 256, 1024)
        if number is not None and number % 8:
            finder.add(side, f"The {side} must be divisible by 8.", f"{side} must be divisible by 8")
    finder.number("samples", 1, 4)
    # The v4 table says 21, 31, 41 or 51 and its own sample sends 30: any number up to 51 is taken. v6 documents
    # 1 to 20, sends 31 in its sample, and caps what is more without a word.
    most_steps = {"text_to_image_v3": 50, "text_to_image_v4": 51}
    finder.number("num_inference_steps", 1, most_steps.get(endpoint, 1000))
    finder.numbers("lora_strength", 0, 2)
    finder.number("guidance_scale", 1, 20, whole=False)
    finder.number("seed", 0, 2**64)
    return finder.problems
