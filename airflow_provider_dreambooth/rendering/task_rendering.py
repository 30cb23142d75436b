# SPDX-License-Identifier: Apache-2.0
"""The rendering of the running task instance: asked for, or re-attached to where an earlier try left it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api.fingerprint import account_of, fingerprint
from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.api.results import Rendering
from airflow_provider_dreambooth.exceptions import Acceptance, DreamboothError, DreamboothTransientError
from airflow_provider_dreambooth.rendering import summary
from airflow_provider_dreambooth.rendering.record import (
    MOST_MISSES,
    RENDERING_KEY,
    RenderingRecord,
    RenderingStore,
)
from airflow_provider_dreambooth.rendering.summary import RENDERING_SUMMARY_KEY
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.runtime.state_store import state_store

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.rendering.polling import RenderingEnded


class TaskRendering:
    """
    What one task instance knows of its rendering, over all its tries.

    :param context: the task's context.
    :param hook: asks for the images.
    :param request: what is to be rendered.
    :param log: Airflow's task log.
    :param clock: epoch seconds.
    """

    def __init__(
        self,
        context: Any,
        hook: DreamboothHook,
        request: TextToImageRequest,
        log: Any,
        clock: Callable[[], float],
    ) -> None:
        self.request = request
        self._task_instance = context["ti"]
        self._hook = hook
        self._log = log
        self._clock = clock
        self._store = RenderingStore(state_store(context), compat.max_tries(context), clock)
        self._try_number = int(getattr(self._task_instance, "try_number", 0) or 0)
        # The form of the API does not change what is rendered.
        self._fingerprint = fingerprint(request.body(InferenceApi.V4))
        self._account = account_of(hook.settings.base_url, hook.settings.environment)
        self._left = self._store.load()
        #: What is known of the rendering that this task waits for, ``None`` until it is accepted.
        self.record = self._store.usable(self._left, self._fingerprint, self._account)

    def reattach(self) -> Rendering:
        """Return what an earlier try left, to be waited for like an answer just given."""
        known = self.record
        assert known is not None
        self._log.info(
            "Re-attached to request %s, which an earlier try has paid for: the same images are fetched, nothing is rendered "
            "again. To have others, delete the entry %r of this task's state and clear the task.",
            known.request_id,
            RENDERING_KEY,
        )
        return Rendering(
            ready=bool(known.urls),
            inference_api=InferenceApi(known.inference_api),
            urls=known.urls,
            request_id=known.request_id,
            eta=0.0,
            fetch_path=known.fetch_path,
            seed=known.seed,
            steps=known.steps,
            blanked=known.blanked,
        )

    def ask(self) -> Rendering:
        """
        Ask for the images, which is billed, and remember where to fetch them.

        :raises DreamboothError: with ``acceptance`` ``unknown`` the answer was lost: the rendering may be billed. It is not
            sent again in this try; a retry sends a new request and says so.
        """
        left = self._left
        if left is not None and left.in_doubt and left.fingerprint == self._fingerprint:
            self._log.warning(
                "An earlier try asked for these images and its answer was lost, so that rendering may be billed as well. The "
                "service has no list to find it by: this try sends a new request."
            )
        record = RenderingRecord(
            fingerprint=self._fingerprint,
            account=self._account,
            max_tries=self._store.max_tries,
            at=round(self._clock(), 3),
            try_number=self._try_number,
            seed=self.request.seed,
        )
        self._store.save(record)
        try:
            answer = self._hook.text_to_image(self.request)
        except DreamboothError as error:
            if error.acceptance is Acceptance.NO:
                self._restore(left)
            else:
                error.add("It is not sent again in this try; a retry sends a new one, which is billed again.")
            raise
        self._log.info(
            "Request %s is accepted and billed by the account's plan (%s API).",
            answer.request_id,
            answer.inference_api,
        )
        self._left = self.record = replace(
            record,
            request_id=answer.request_id,
            inference_api=answer.inference_api,
            fetch_path=answer.fetch_path,
            urls=answer.urls,
            seed=answer.seed if answer.seed is not None else self.request.seed,
            steps=answer.steps,
            blanked=answer.blanked,
        )
        self._keep()
        return answer

    def ready(self, ended: RenderingEnded) -> RenderingRecord:
        """
        Remember the links of the images that are ready, and return all that is known.

        :param ended: the good end of the wait.
        """
        # An entry that somebody deleted meanwhile, or that could not be written, is made again.
        known = self.record or RenderingRecord(
            self._fingerprint,
            self._account,
            self._store.max_tries,
            self._clock(),
            self._try_number,
            ended.request_id or None,
        )
        self.record = replace(
            known,
            urls=ended.urls,
            seed=known.seed if ended.seed is None else ended.seed,
            steps=known.steps if ended.steps is None else ended.steps,
            blanked=ended.blanked,
        )
        self._keep()
        return self.record

    def claim(self, number: int, uri: str | None) -> None:
        """
        Remember where an image is, or is about to be, written to.

        :param number: of the image, from 1.
        :param uri: ``None`` takes it back.
        """
        if self.record is None:
            return
        files = {name: place for name, place in self.record.files.items() if name != str(number)}
        if uri is not None:
            files[str(number)] = uri
        self.record = replace(self.record, files=files)
        self._keep()

    def missed(self) -> bool:
        """Remember that this try ended without the images. Return whether the next one renders again."""
        if self.record is None:
            return True
        self.record = replace(self.record, misses=self.record.misses + 1)
        self._keep()
        return self.record.misses >= MOST_MISSES

    def forget(self) -> None:
        """Delete what is remembered: the service does not know the request. The next request is a new one."""
        self.record = self._left = None
        self._store.delete()

    def finish(self) -> None:
        """Remember that the task has ended well."""
        if self.record is None:
            return
        self.record = replace(self.record, finished=True)
        try:
            self._store.finish(self.record)
        except DreamboothTransientError as error:
            self._log.warning("That the rendering is complete could not be remembered: %s", error)

    def show(
        self,
        state: str,
        *,
        files: Sequence[str] | None = None,
        reason: str | None = None,
        next_step: str | None = None,
    ) -> None:
        """
        Push the XCom ``rendering``.

        :param state: one of those in :mod:`airflow_provider_dreambooth.rendering.summary`.
        :param files: URIs of the saved images, ``None`` when they are not to be saved.
        :param reason: why there are no images.
        :param next_step: what a person can do then.
        """
        money = None
        if self.record is not None:
            billed_now = self.record.try_number == self._try_number
            money = summary.ACCEPTED if billed_now else summary.REATTACHED
        shown = summary.summary_of(
            self.request,
            self.record,
            state=state,
            money=money,
            connection=self._hook.dreambooth_conn_id,
            service=self._hook.settings.base_url,
            files=files,
            ended_at=None if state == summary.PROCESSING else self._clock(),
            reason=reason,
            next_step=next_step,
        )
        self._task_instance.xcom_push(key=RENDERING_SUMMARY_KEY, value=shown)

    def _keep(self) -> None:
        assert self.record is not None
        try:
            self._store.save(self.record)
        except DreamboothTransientError as error:
            # The images are paid: this try goes on without the entry, only a retry would miss it.
            self._log.warning(
                "What is known of request %s could not be remembered, so a retry would render again: %s",
                self.record.request_id,
                error,
            )

    def _restore(self, left: RenderingRecord | None) -> None:
        """Leave the entry as an earlier try left it: the request was refused, so what was paid before still stands."""
        try:
            if left is None:
                self._store.delete()
            else:
                self._store.save(left)
        except DreamboothTransientError as error:
            self._log.warning("The entry of the refused request could not be taken back: %s", error)
