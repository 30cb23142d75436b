# SPDX-License-Identifier: Apache-2.0
"""The operator that renders images with a trained model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, cast

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.lineage.operators import RenderingLineage
from airflow_provider_dreambooth.links.dreambooth import RENDERING_LINKS, show_model, show_pictures
from airflow_provider_dreambooth.rendering.source_training import refuse_misuse, sources_of
from airflow_provider_dreambooth.runtime.errors import error_class_named
from airflow_provider_dreambooth.service_task import ServiceTask
from airflow_provider_dreambooth.training.deadline import (
    backstop,
    check_poll_interval,
    check_timeout,
    first_poll_at,
    seconds_of,
    worth_deferring,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.providers.common.compat.sdk import Context, XComArg

    from airflow_provider_dreambooth.api.results import Rendering
    from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest
    from airflow_provider_dreambooth.rendering.folder import ImageFolder
    from airflow_provider_dreambooth.rendering.polling import RenderingEnded
    from airflow_provider_dreambooth.rendering.task_rendering import TaskRendering


class DreamboothTextToImageOperator(ServiceTask, RenderingLineage, BaseOperator):
    """
    Render images with a trained model and return their links, or the places where they were saved.

    A rendering is **billed** by the account's plan. The request is sent once: when its answer is lost, the task fails and
    says so, and a retry sends a new one, which is billed again. Once the service has named the request, a retry fetches the
    same images by its id, and completes a set of files that a crash has left half saved; a clear of a finished task renders
    anew.

    .. seealso:: :doc:`/how-to/render-pictures`

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
        check_poll_interval(poll_interval)
        check_timeout(timeout)

    def execute(self, context: Context) -> list[str]:
        """Ask for the images, wait for them, and save them if asked to."""
        return self._run(context, self._rendered)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> list[str]:
        """Take the trigger's event: return or save the images, or say why there are none."""
        from airflow_provider_dreambooth.rendering.polling import RenderingEnded

        return self._run(context, lambda _: RenderingEnded.from_payload(event))

    def _run(self, context: Context, wait: Callable[[TaskRendering], RenderingEnded]) -> list[str]:
        from airflow_provider_dreambooth.rendering import summary
        from airflow_provider_dreambooth.rendering.task_rendering import TaskRendering

        ended: RenderingEnded | None = None
        with self.errors_for_airflow():
            request = self._request()
            show_model(self, context["ti"], self.hook.settings.base_url, request.models[-1])
            rendering = TaskRendering(context, self.hook, request, self.log)
            try:
                folder = self._folder(rendering)
                ended = wait(rendering)
                return self._conclude(context, rendering, folder, ended)
            except DreamboothError as error:
                late = ended is not None and ended.status == "timeout"
                rendering.show(
                    summary.TIMED_OUT if late else summary.FAILED,
                    connection=self.dreambooth_conn_id,
                    reason=error.message,
                    next_step=summary.next_step(error),
                )
                raise

    def _request(self) -> TextToImageRequest:
        from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest

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

    def _folder(self, rendering: TaskRendering) -> ImageFolder | None:
        """Return where to save, after refusing what cannot be saved there; ``None`` when nothing is to be saved."""
        if self.output_path is None:
            return None
        from airflow_provider_dreambooth.rendering.file_name import FileName
        from airflow_provider_dreambooth.rendering.folder import ImageFolder

        request = rendering.request
        file_name = FileName(self.file_name, samples=request.samples)
        folder = ImageFolder(self.output_path, file_name, overwrite=self.overwrite, log=self.log)
        folder.refuse_names(
            rendering.record,
            samples=request.samples,
            model_id=request.model_id,
            prompt=request.prompt,
            seed=request.seed,
        )
        return folder

    def _rendered(self, rendering: TaskRendering) -> RenderingEnded:
        if rendering.record is not None:
            ended = self._wait(rendering, rendering.reattach())
            if ended.error != DreamboothNotFoundError.__name__:
                return ended
            self.log.warning("%s A new request is sent.", ended.message)
            rendering.forget()
        return self._wait(rendering, rendering.ask())

    def _wait(self, rendering: TaskRendering, answer: Rendering) -> RenderingEnded:
        from airflow_provider_dreambooth.rendering.polling import RenderingPolling
        from airflow_provider_dreambooth.rendering.summary import PROCESSING

        request_id = answer.request_id or ""
        timeout = seconds_of(self.timeout)
        began = time.time()
        end_time = None if timeout is None else began + timeout
        interval = seconds_of(self.poll_interval)
        polling = RenderingPolling(request_id, poll_interval=interval, end_time=end_time)
        poll = polling.first(answer, began)
        if poll.ended is not None:
            return poll.ended
        rendering.show(PROCESSING, connection=self.dreambooth_conn_id)
        if answer.eta:
            self.log.info("The service expects to need %.0f s for request %s.", answer.eta, request_id)
        while poll.ended is None:
            if self.deferrable and worth_deferring(poll.eta, poll.delay, time.time() - began):
                self._defer(answer, request_id, end_time, poll.delay)
            time.sleep(poll.delay)
            try:
                fetched = self.hook.fetch_image(request_id, answer.fetch_path)
                poll = polling.on_answer(fetched, time.time())
            except DreamboothError as error:
                poll = polling.on_error(error, time.time())
        return poll.ended

    def _defer(self, answer: Rendering, request_id: str, end_time: float | None, delay: float) -> None:
        from airflow_provider_dreambooth.triggers.text_to_image import DreamboothTextToImageTrigger

        now = time.time()
        self.defer(
            trigger=DreamboothTextToImageTrigger(
                request_id=request_id,
                fetch_path=answer.fetch_path,
                dreambooth_conn_id=self.dreambooth_conn_id,
                poll_interval=seconds_of(self.poll_interval),
                end_time=end_time,
                first_poll=first_poll_at(delay, now),
            ),
            method_name="execute_complete",
            timeout=backstop(end_time, now),
        )

    def _conclude(
        self, context: Context, rendering: TaskRendering, folder: ImageFolder | None, ended: RenderingEnded
    ) -> list[str]:
        from airflow_provider_dreambooth.rendering.summary import READY

        if ended.status == "timeout":
            rendering.missed()
            raise DreamboothTransientError(ended.message)
        if ended.status == "error":
            if ended.error == DreamboothNotFoundError.__name__:
                rendering.forget()
            raise error_class_named(ended.error)(ended.message)
        known = rendering.ready(ended)
        show_pictures(self, context["ti"], ended.urls)
        asked = rendering.request.num_inference_steps
        if asked is not None and known.steps is not None and known.steps != asked:
            self.log.warning(
                "Request %s was rendered with %d inference steps; %d were asked for.",
                known.request_id,
                known.steps,
                asked,
            )
        if ended.blanked:
            self.log.warning(
                "The service's safety checker has blanked at least one image of request %s. Change the prompt, or "
                "parameters={'safety_checker': 'no'} if your plan allows it.",
                known.request_id,
            )
        files = None if folder is None else folder.save(rendering, download=self.hook.download)
        places = list(ended.urls) if files is None else files
        self.lineage_images = places
        rendering.finish()
        rendering.show(READY, connection=self.dreambooth_conn_id, files=files)
        return places
