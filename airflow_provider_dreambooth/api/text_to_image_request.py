# SPDX-License-Identifier: Apache-2.0
"""What is to be rendered: checked before anything is billed, and written in the form of either API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_dreambooth.api.identifier import checked_identifier
from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.api.lora import checked_loras
from airflow_provider_dreambooth.api.refusal import (
    checked_extra_fields,
    refuse,
    shown,
    whole_number,
)
from airflow_provider_dreambooth.api.scalar import is_absent, number_in

#: Documented limits: 1024 pixels a side (today's validation text: 256 to 1024, divisible by 8), 4 images.
LEAST_SIDE, MOST_SIDE, MOST_SAMPLES = 256, 1024, 4
#: The pages contradict each other (quirk Q8): 50 in v3, 51 in v4, 20 in v6. The widest is taken.
MOST_STEPS = 51
#: v6 renders no more, whatever was asked for, and says so only in the ``meta`` of its answer.
MOST_STEPS_OF_V6 = 20

_OWN_ARGUMENTS = frozenset(
    {
        "model_id",
        "prompt",
        "negative_prompt",
        "width",
        "height",
        "samples",
        "num_inference_steps",
        "guidance_scale",
        "seed",
    }
)
_LORA_ARGUMENTS = frozenset({"lora_model", "lora_strength"})


def _within(name: str, value: Any, least: int, most: int) -> int:
    number = whole_number(name, value)
    if not least <= number <= most:
        raise refuse(name, f"is {shown(value)}", f"Write a whole number from {least} to {most}")
    return number


def _side(name: str, value: Any) -> int:
    pixels = _within(name, value, LEAST_SIDE, MOST_SIDE)
    if pixels % 8:
        raise refuse(name, f"is {shown(value)}", "Write a multiple of 8")
    return pixels


def _guidance(value: Any) -> float:
    number = number_in(value)
    if number is None or not 1 <= number <= 20:
        raise refuse("guidance_scale", f"is {shown(value)}", "Write a number from 1 to 20")
    return number


@dataclass(frozen=True)
class TextToImageRequest:
    """
    What is to be rendered. Build it with :meth:`checked`.

    :param model_id: the training's id; with ``lora_model`` the base model.
    :param prompt: what to show, with the training's instance prompt in it.
    :param negative_prompt: what not to show.
    :param width: pixels, 256 to 1024, a multiple of 8.
    :param height: the same.
    :param samples: number of images, 1 to 4.
    :param num_inference_steps: 1 to 51, of which v6 renders 20; ``None`` for 31 on v4 and 20 on v6.
    :param guidance_scale: 1 to 20: how closely the image follows the prompt.
    :param seed: ``None`` for a random one.
    :param parameters: further body fields; flags may be given as ``True`` and ``False``.
    :param lora_models: ids of LoRAs that change the base model.
    :param lora_strengths: one for each LoRA; empty leaves it to the service.
    """

    model_id: str
    prompt: str
    negative_prompt: str | None = None
    width: int = 512
    height: int = 512
    samples: int = 1
    num_inference_steps: int | None = None
    guidance_scale: float = 7.5
    seed: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    lora_models: tuple[str, ...] = ()
    lora_strengths: tuple[str, ...] = ()

    @classmethod
    def checked(
        cls,
        *,
        model_id: Any,
        prompt: Any,
        negative_prompt: Any = None,
        width: Any = 512,
        height: Any = 512,
        samples: Any = 1,
        num_inference_steps: Any = None,
        guidance_scale: Any = 7.5,
        seed: Any = None,
        lora_model: Any = None,
        lora_strength: Any = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> TextToImageRequest:
        """
        Return a request that the service can take.

        :param lora_model: one id, several in a list, or with commas between them.
        :param lora_strength: one number for all LoRAs, or a list with one for each.
        :raises DreamboothValidationError: naming the argument and the correction.
        """
        if is_absent(prompt) or not isinstance(prompt, str):
            what = "is empty" if is_absent(prompt) else f"is {type(prompt).__name__}, not text"
            raise refuse("prompt", what, "Write what to render, with the instance prompt in it")
        if negative_prompt is not None and not isinstance(negative_prompt, str):
            raise refuse(
                "negative_prompt", f"is {type(negative_prompt).__name__}, not text", "Write text, or None"
            )
        given = () if lora_model is None and is_absent(lora_strength) else _LORA_ARGUMENTS
        further = checked_extra_fields(parameters, _OWN_ARGUMENTS.union(given))
        if not given:
            # The older way to name a LoRA: checked and sent like the arguments.
            lora_model, lora_strength = (further.pop(name, None) for name in ("lora_model", "lora_strength"))
        models, strengths = checked_loras(lora_model, lora_strength)
        return cls(
            model_id=checked_identifier("model_id", model_id),
            prompt=prompt.strip(),
            negative_prompt=negative_prompt or None,
            width=_side("width", width),
            height=_side("height", height),
            samples=_within("samples", samples, 1, MOST_SAMPLES),
            num_inference_steps=None
            if is_absent(num_inference_steps)
            else _within("num_inference_steps", num_inference_steps, 1, MOST_STEPS),
            guidance_scale=_guidance(guidance_scale),
            seed=None if is_absent(seed) else _within("seed", seed, 0, 2**63),
            parameters=further,
            lora_models=models,
            lora_strengths=strengths,
        )

    @property
    def models(self) -> tuple[str, ...]:
        """Every model that takes part: the base, then the LoRAs."""
        return (self.model_id, *self.lora_models)

    def warning_for(self, api: InferenceApi) -> str | None:
        """
        Return what to say before this goes out in a form of the API, ``None`` for nothing.

        :param api: the form.
        """
        steps = self.num_inference_steps
        if api is not InferenceApi.V6 or steps is None or steps <= MOST_STEPS_OF_V6:
            return None
        return (
            f"{steps} inference steps are asked for, but the service's v6 API renders {MOST_STEPS_OF_V6} at most "
            "(documented) and reports no error. Set num_inference_steps to 20 or fewer, or inference_api to v4 in the "
            "connection."
        )

    def body(self, api: InferenceApi) -> dict[str, Any]:
        """
        Return the JSON body without the key.

        Both forms' own samples send counts as strings, scale and seed as numbers, flags as "yes" and "no" (quirk Q8).

        :param api: the form, which decides the number of steps when none was asked for.
        """
        further = {
            name: ("yes" if value else "no") if isinstance(value, bool) else value
            for name, value in self.parameters.items()
        }
        return {
            "model_id": self.model_id,
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            "width": str(self.width),
            "height": str(self.height),
            "samples": str(self.samples),
            "num_inference_steps": str(self.num_inference_steps or api.usual_steps),
            "guidance_scale": self.guidance_scale,
            "seed": self.seed,
            "webhook": None,
            "track_id": None,
            **({"lora_model": ",".join(self.lora_models)} if self.lora_models else {}),
            **({"lora_strength": ",".join(self.lora_strengths)} if self.lora_strengths else {}),
            **further,
        }
