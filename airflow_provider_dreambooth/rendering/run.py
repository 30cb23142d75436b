# SPDX-License-Identifier: Apache-2.0
"""One try of a task that renders images: ask for them or re-attach, wait, save them, and say what became of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothTransientError,
)
from airflow_provider_dreambooth.links.dreambooth import show_model, show_pictures
from airflow_provider_dreambooth.rendering import summary
from airflow_provider_dreambooth.rendering.file_name import FileName
from airflow_provider_dreambooth.rendering.folder import ImageFolder
from airflow_provider_dreambooth.rendering.polling import RenderingEnded, RenderingPolling
from airflow_provider_dreambooth.rendering.task_rendering import TaskRendering
from airflow_provider_dreambooth.runtime.deferral import Deferral
from airflow_provider_dreambooth.runtime.errors import error_class_named
from airflow_provider_dreambooth.training.deadline import (
    backstop,
    first_poll_at,
    seconds_of,
    worth_deferring,
)
from airflow_provider_dreambooth.training.task import TaskWithHook

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.results import Rendering
    from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest


class RenderingTask(TaskWithHook, Protocol):
    """The operator, rendered: its arguments are described there."""

    output_path: str | None
    file_name: str | None
    overwrite: bool
    deferrable: bool
    poll_interval: float | None
    timeout: float | timedelta | None
    #: Where the images are, once they are there.
    lineage_images: Sequence[str]


class RenderingRun:
    """
    One try of the task. It never defers: where waiting is worth it, it returns a :class:`Deferral`.

    :param task: the operator.
    :param context: the task's context.
    :param request: what is to be rendered.
    :param clock: returns epoch seconds.
    :param sleep: waits that many seconds.
    """

    def __init__(
        self,
        task: RenderingTask,
        context: Any,
        request: TextToImageRequest,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._task = task
        self._task_instance = context["ti"]
        self._hook = task.hook
        self._log = task.log
        self._clock = clock
        self._sleep = sleep
        show_model(task, self._task_instance, self._hook.settings.base_url, request.models[-1])
        self._rendering = TaskRendering(context, self._hook, request, self._log, clock)

    def start(self) -> list[str] | Deferral:
        """
        Ask for the images, or re-attach to those of an earlier try, and wait for them.

        :return: their links, or the places where they were saved.
        """
        return self._finish(self._asked)

    def resume(self, event: dict[str, Any] | None) -> list[str] | Deferral:
        """
        Return or save the images, or say why there are none.

        :param event: the trigger's event.
        """
        return self._finish(lambda: RenderingEnded.from_payload(event))

    def _finish(self, wait: Callable[[], RenderingEnded | Deferral]) -> list[str] | Deferral:
        ended: RenderingEnded | Deferral | None = None
        try:
            folder = self._folder()
            ended = wait()
            return ended if isinstance(ended, Deferral) else self._conclude(folder, ended)
        except DreamboothError as error:
            late = isinstance(ended, RenderingEnded) and ended.status == "timeout"
            self._rendering.show(
                summary.TIMED_OUT if late else summary.FAILED,
                reason=error.message,
                next_step=summary.next_step(error),
            )
            raise

    def _folder(self) -> ImageFolder | None:
        """Return where to save, after refusing what cannot be saved there; ``None`` when nothing is to be saved."""
        if self._task.output_path is None:
            return None
        request = self._rendering.request
        file_name = FileName(self._task.file_name, samples=request.samples)
        folder = ImageFolder(self._task.output_path, file_name, overwrite=self._task.overwrite, log=self._log)
        folder.refuse_names(
            self._rendering.record,
            samples=request.samples,
            model_id=request.model_id,
            prompt=request.prompt,
            seed=request.seed,
        )
        return folder

    def _asked(self) -> RenderingEnded | Deferral:
        if self._rendering.record is not None:
            ended = self._wait(self._rendering.reattach())
            if isinstance(ended, Deferral) or ended.error != DreamboothNotFoundError.__name__:
                return ended
            self._log.warning("%s A new request is sent.", ended.message)
            self._rendering.forget()
        return self._wait(self._rendering.ask())

    def _wait(self, answer: Rendering) -> RenderingEnded | Deferral:
        request_id = answer.request_id or ""
        timeout, interval = seconds_of(self._task.timeout), seconds_of(self._task.poll_interval)
        began = self._clock()
        end_time = None if timeout is None else began + timeout
        polling = RenderingPolling(request_id, poll_interval=interval, end_time=end_time)
        poll = polling.first(answer, began)
        if poll.ended is not None:
            return poll.ended
        self._rendering.show(summary.PROCESSING)
        if answer.eta:
            self._log.info("The service expects to need %.0f s for request %s.", answer.eta, request_id)
        while poll.ended is None:
            now = self._clock()
            if self._task.deferrable and worth_deferring(poll.eta, poll.delay, now - began):
                return Deferral(
                    "images",
                    {
                        "request_id": request_id,
                        "fetch_path": answer.fetch_path,
                        "poll_interval": interval,
                        "end_time": end_time,
                        "first_poll": first_poll_at(poll.delay, now),
                    },
                    timeout=backstop(end_time, now),
                )
            self._sleep(poll.delay)
            try:
                fetched = self._hook.fetch_image(request_id, answer.fetch_path)
                poll = polling.on_answer(fetched, self._clock())
            except DreamboothError as error:
                poll = polling.on_error(error, self._clock())
        return poll.ended

    def _conclude(self, folder: ImageFolder | None, ended: RenderingEnded) -> list[str]:
        rendering = self._rendering
        if ended.status == "timeout":
            rendering.missed()
            raise DreamboothTransientError(ended.message)
        if ended.status == "error":
            if ended.error == DreamboothNotFoundError.__name__:
                rendering.forget()
            raise error_class_named(ended.error)(ended.message)
        known = rendering.ready(ended)
        show_pictures(self._task, self._task_instance, ended.urls)
        asked = rendering.request.num_inference_steps
        if asked is not None and known.steps is not None and known.steps != asked:
            self._log.warning(
                "Request %s was rendered with %d inference steps; %d were asked for.",
                known.request_id,
                known.steps,
                asked,
            )
        if ended.blanked:
            self._log.warning(
                "The service's safety checker has blanked at least one image of request %s. Change the prompt, or "
                "parameters={'safety_checker': 'no'} if your plan allows it.",
                known.request_id,
            )
        files = None if folder is None else folder.save(rendering, download=self._hook.download)
        places = list(ended.urls) if files is None else files
        self._task.lineage_images = places
        rendering.finish()
        rendering.show(summary.READY, files=files)
        return places
