# SPDX-License-Identifier: Apache-2.0
"""The operator that renders images with a trained model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_dreambooth.api.refusal import check_flag
from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest
from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.lineage.operators import RenderingLineage
from airflow_provider_dreambooth.links.dreambooth import RENDERING_LINKS
from airflow_provider_dreambooth.rendering.source_training import refuse_misuse, sources_of
from airflow_provider_dreambooth.service_task import ServiceTask
from airflow_provider_dreambooth.training.deadline import check_poll_interval, check_timeout

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_dreambooth.rendering.run import RenderingRun


class DreamboothTextToImageOperator(ServiceTask, RenderingLineage, BaseOperator):
    """
    Render images with a trained model and return their links, or the places where they were saved.

    A rendering is **billed** by the account's plan. The request is sent once: when its answer is lost, the task fails and
    says so, and a retry sends a new one, which is billed again. Once the service has named the request, a retry fetches the
    same images by its id, and completes a set of files that a crash has left half saved; a clear of a finished task renders
    again.

    .. seealso:: :doc:`/how-to/render-images`

    :param model_id: the training's id, such as ``model_id=wait.output``; with ``lora_model`` a base model. Templated.
    :param prompt: what to render; the training's instance prompt must recur in it. Templated.
    :param negative_prompt: what not to render. Templated.
    :param lora_model: LoRA that changes the base model, such as ``lora_model=train.output``; several in a list. That it
        fits the base model is checked before anything is billed, where the DAG tells both. Templated.
    :param lora_strength: above 0 and up to 2, usually 0.4 to 1: one number for all LoRAs, or one for each; ``None`` leaves
        it to the service. Templated.
    :param width: pixels, 256 to 1024, a multiple of 8. Templated.
    :param height: as ``width``. Templated.
    :param samples: images to render, 1 to 4. Templated.
    :param num_inference_steps: 1 to 51, of which v6 renders 20 at most; ``None`` (default) for 31 on v4, 20 on v6. Templated.
    :param guidance_scale: 1 to 20. Templated.
    :param seed: ``None`` for a random one. Templated.
    :param parameters: further body fields, sent as they are. Templated.
    :param output_path: local directory or object storage URI (``s3://``, ``gs://``, …) to save the images in, each
        with a JSON file that says how it was made. Templated.
    :param file_name: how they are called there, without the ending, out of ``{model_id}``, ``{seed}``,
        ``{request_id}``, ``{index}`` and ``{prompt}``; ``None`` (default) for
        ``{model_id}-{seed}-{request_id}-{index}``, which no other rendering has. Templated.
    :param overwrite: replace files of other renderings; by default a taken name is an error.
    :param dreambooth_conn_id: the connection.
    :param deferrable: wait in the triggerer when the service announces 20 seconds or more.
    :param poll_interval: seconds between two polls; ``None`` (default) polls when the service's ETA is over, then every
        half minute. The service may refuse the same request within 30 seconds.
    :param timeout: seconds or timedelta to wait for the images, ``None`` for no limit; default 30 minutes.
    :return: links of the images; with ``output_path`` the URIs of the saved files.
    :raises DreamboothNotFoundError: the service does not know the model, or has unloaded it.
    """

    template_fields: Sequence[str] = (
        "model_id",
        "prompt",
        "negative_prompt",
        "lora_model",
        "lora_strength",
        "width",
        "height",
        "samples",
        "num_inference_steps",
        "guidance_scale",
        "seed",
        "parameters",
        "output_path",
        "file_name",
        "dreambooth_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json"}
    operator_extra_links = RENDERING_LINKS
    ui_color = "#fbeede"

    def __init__(
        self,
        *,
        model_id: str | XComArg,
        prompt: str,
        negative_prompt: str | None = None,
        lora_model: str | XComArg | Sequence[str | XComArg] | None = None,
        lora_strength: float | str | Sequence[float | str] | None = None,
        width: int | str = 512,
        height: int | str = 512,
        samples: int | str = 1,
        num_inference_steps: int | str | None = None,
        guidance_scale: float | str = 7.5,
        seed: int | str | None = None,
        parameters: Mapping[str, Any] | None = None,
        output_path: str | None = None,
        file_name: str | None = None,
        overwrite: bool = False,
        dreambooth_conn_id: str = DEFAULT_CONNECTION_ID,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | None = None,
        timeout: float | timedelta | None = 1800,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        # Another task's output is a string by the time this one runs.
        self.model_id = cast("str", model_id)
        self.prompt = prompt
        self.negative_prompt = negative_prompt
        self.lora_model = lora_model
        self.lora_strength = lora_strength
        self._sources = sources_of(model_id), sources_of(lora_model)
        self._names_lora = lora_model is not None
        self.width = width
        self.height = height
        self.samples = samples
        self.num_inference_steps = num_inference_steps
        self.guidance_scale = guidance_scale
        self.seed = seed
        self.parameters = parameters
        self.output_path = output_path
        self.file_name = file_name
        self.overwrite = overwrite
        self.dreambooth_conn_id = dreambooth_conn_id
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        check_flag("overwrite", overwrite)
        check_flag("deferrable", deferrable)
        check_poll_interval(poll_interval)
        check_timeout(timeout)

    def execute(self, context: Context) -> list[str]:
        """Ask for the images, wait for them, and save them if asked to."""
        with self.errors_for_airflow():
            return self._returned(self._begin(context).start())

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> list[str]:
        """Take the trigger's event: return or save the images, or say why there are none."""
        with self.errors_for_airflow():
            return self._returned(self._begin(context).resume(event))

    def _begin(self, context: Context) -> RenderingRun:
        """Return the flow of one try, imported here: a DAG is parsed far more often than it runs."""
        from airflow_provider_dreambooth.rendering.run import RenderingRun

        return RenderingRun(self, context, self._request(), clock=time.time, sleep=time.sleep)

    def _request(self) -> TextToImageRequest:
        request = TextToImageRequest.checked(
            model_id=self.model_id,
            prompt=self.prompt,
            negative_prompt=self.negative_prompt,
            # A template that lost its value must not become a rendering without the LoRA.
            lora_model=[] if self._names_lora and self.lora_model is None else self.lora_model,
            lora_strength=self.lora_strength,
            width=self.width,
            height=self.height,
            samples=self.samples,
            num_inference_steps=self.num_inference_steps,
            guidance_scale=self.guidance_scale,
            seed=self.seed,
            parameters=self.parameters,
        )
        refuse_misuse(request.model_id, *self._sources)
        return request
