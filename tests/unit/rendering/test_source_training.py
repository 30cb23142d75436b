# SPDX-License-Identifier: Apache-2.0
"""What the DAG tells about the model that a rendering uses, before anything is billed."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG

from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.operators.dreambooth import DreamboothFineTuneOperator
from airflow_provider_dreambooth.rendering.source_training import SourceTraining, refuse_misuse, sources_of
from airflow_provider_dreambooth.sensors.dreambooth import DreamboothFineTuneSensor

INPUTS: dict[str, Any] = {
    "instance_prompt": "photo of ohwx person",
    "class_prompt": "photo of person",
    "images": ["https://images.example/1.png"],
}


def training(**arguments: Any) -> DreamboothFineTuneOperator:
    return DreamboothFineTuneOperator(task_id="train", **INPUTS, **arguments)


@pytest.mark.parametrize(
    ("arguments", "source"),
    [
        ({}, SourceTraining("train", "dreambooth", "sdxl")),
        ({"method": "lora"}, SourceTraining("train", "lora", "sdxl")),
        (
            {"method": "lora", "parameters": {"base_model_type": "normal"}},
            SourceTraining("train", "lora", "normal"),
        ),
    ],
)
def test_the_output_of_a_training_tells_its_method_and_base(
    arguments: dict[str, Any], source: SourceTraining
) -> None:
    with DAG("portraits"):
        task = training(**arguments)
        sensor = DreamboothFineTuneSensor(task_id="wait", training_id=task.output)
    assert sources_of(task.output) == (source,)
    assert sources_of([task.output, "other"]) == (source,)
    assert sources_of(sensor.output) == (source,)


def test_a_mapped_training_tells_what_all_its_tasks_share() -> None:
    with DAG("portraits"):
        mapped = DreamboothFineTuneOperator.partial(
            task_id="train", class_prompt="photo of person", instance_prompt="photo", method="lora"
        ).expand(images=[["https://images.example/1.png"]])
    assert sources_of(mapped.output) == (SourceTraining("train", "lora", "sdxl"),)


@pytest.mark.parametrize("value", [None, "F5jvdzGnYi", "{{ params.lora }}", [], 7])
def test_an_id_alone_tells_nothing(value: Any) -> None:
    assert sources_of(value) == ()


LORA = SourceTraining("train", "lora", "sdxl")
WHOLE = SourceTraining("train", "dreambooth", "sdxl")


@pytest.mark.parametrize(
    ("base", "model", "loras", "field"),
    [
        ("flux", (), (LORA,), "model_id"),
        ("stable-diffusion-v1-5", (), (LORA,), "model_id"),
        ("F5jvdzGnYi", (LORA,), (), "model_id"),
        ("sdxl", (), (WHOLE,), "lora_model"),
    ],
)
def test_what_would_be_billed_for_nothing_is_refused(base: str, model: Any, loras: Any, field: str) -> None:
    with pytest.raises(DreamboothValidationError, match=rf"^{field} is") as caught:
        refuse_misuse(base, model, loras)
    assert "nothing was paid" in str(caught.value)


@pytest.mark.parametrize(
    ("base", "model", "loras"),
    [("sdxl", (), (LORA,)), ("my-own-base", (), (LORA,)), ("F5jvdzGnYi", (WHOLE,), ()), ("flux", (), ())],
)
def test_what_fits_or_is_not_known_passes(base: str, model: Any, loras: Any) -> None:
    refuse_misuse(base, model, loras)
