# SPDX-License-Identifier: Apache-2.0
"""
What the DAG itself tells about the model that a rendering uses.

``lora_model=train.output`` names the training task, and with it the method and the base model type. So a base model that
the LoRA does not fit is found before anything is billed. An id written as text tells nothing and is not checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_dreambooth.api.lora import USUAL_BASE_MODEL_TYPE, refuse_unfit_base
from airflow_provider_dreambooth.api.refusal import refuse


@dataclass(frozen=True)
class SourceTraining:
    """
    The training task that a model comes from.

    :param task_id: the task.
    :param method: ``dreambooth``, ``dreambooth_v2`` or ``lora``.
    :param base_model_type: of a LoRA.
    """

    task_id: str
    method: str
    base_model_type: str


def sources_of(value: Any) -> tuple[SourceTraining, ...]:
    """
    Return the training tasks whose outputs an argument holds, as far as the DAG tells.

    :param value: the argument before templates are rendered: another task's output, or a list that holds some.
    """
    if isinstance(value, (list, tuple)):
        return tuple(source for item in value for source in sources_of(item))
    for _ in range(3):
        # The output of a sensor leads on to the training that it waits for.
        task = getattr(value, "operator", None)
        if task is None:
            return ()
        arguments: Mapping[str, Any] = getattr(task, "partial_kwargs", None) or vars(task)
        method = arguments.get("method")
        if isinstance(method, str) and "instance_prompt" in arguments:
            parameters = arguments.get("parameters")
            further = parameters if isinstance(parameters, Mapping) else {}
            return (
                SourceTraining(
                    task.task_id, method, str(further.get("base_model_type") or USUAL_BASE_MODEL_TYPE)
                ),
            )
        value = arguments.get("training_id")
    return ()


def refuse_misuse(
    base_model_id: str, model: tuple[SourceTraining, ...], loras: tuple[SourceTraining, ...]
) -> None:
    """
    Refuse what is certain to be billed for nothing.

    :param base_model_id: the rendering's ``model_id``, rendered.
    :param model: where the argument ``model_id`` comes from.
    :param loras: where the argument ``lora_model`` comes from.
    :raises DreamboothValidationError: a LoRA as ``model_id``, a whole model as ``lora_model``, or a LoRA that does not fit
        the base model.
    """
    for source in model:
        if source.method == "lora":
            raise refuse(
                "model_id",
                f"is the output of {source.task_id!r}, which trains a LoRA: that is no whole model",
                "Pass it as lora_model, and a base model of its family as model_id",
            )
    for source in loras:
        if source.method in ("dreambooth", "dreambooth_v2"):
            raise refuse(
                "lora_model",
                f"is the output of {source.task_id!r}, which trains a whole model (method {source.method!r})",
                "Pass it as model_id, without lora_model",
            )
        if source.method == "lora":
            refuse_unfit_base(base_model_id, source.base_model_type)
