"""The rendering of the running task instance: taken up again where an earlier try left it, or asked for anew."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.api.results import Rendering
from airflow_provider_dreambooth.rendering.record import RENDERING_KEY, RenderingRecord, RenderingStore
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.runtime.state_store import state_store
from airflow_provider_dreambooth.training.fingerprint import account_of, fingerprint

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.rendering.polling import RenderingEnded


class TaskRendering:
    """
    What one task instance knows of its rendering, over all its tries.

    :param context: the task's context.
    :param hook: asks for the pictures.
    :param log: Airflow's task log.
    """

    def __init__(self, context: Any, hook: DreamboothHook, log: Any) -> None:
        self.store = RenderingStore(state_store(context), compat.max_tries(context), time.time)
        self._hook = hook
        self._log = log

    def known(self, request: TextToImageRequest) -> RenderingRecord | None:
        """Return the rendering that an earlier try left for this request."""
        return self.store.usable(fingerprint(request.body(InferenceApi.V4)), self._account())

    def _account(self) -> str:
        settings = self._hook.settings
        return account_of(settings.base_url, settings.environment)

    def taken_up(self, known: RenderingRecord) -> Rendering:
        """
        Return an earlier try's rendering, to be waited for like an answer just given.

        :param known: its record.
        """
        self._log.info(
            "The pictures of request %s were asked for by an earlier try: the same ones are fetched, nothing is rendered "
            "anew. To have others, delete the entry %r of this task's state and clear the task.",
            known.request_id,
            RENDERING_KEY,
        )
        return Rendering(
            ready=bool(known.urls),
            urls=known.urls,
            request_id=known.request_id or None,
            eta=0.0,
            fetch_path=known.fetch_path,
            seed=known.seed,
            blanked=known.blanked,
        )

    def asked(self, request: TextToImageRequest) -> Rendering:
        """
        Ask for the pictures and note where to fetch them.

        :param request: what to render.
        """
        answer = self._hook.text_to_image(request)
        self.store.save(
            RenderingRecord(
                fingerprint=fingerprint(request.body(InferenceApi.V4)),
                account=self._account(),
                max_tries=self.store.max_tries,
                at=round(time.time(), 3),
                request_id=answer.request_id or "",
                fetch_path=answer.fetch_path,
                urls=answer.urls,
                seed=answer.seed if answer.seed is not None else request.seed,
                blanked=answer.blanked,
            )
        )
        return answer

    def ready(self, ended: RenderingEnded) -> RenderingRecord:
        """
        Note the links of the pictures that are ready, and return all that is known.

        :param ended: the good end of the wait.
        """
        known = self.store.load()
        if known is None:
            # An entry that somebody deleted meanwhile.
            known = RenderingRecord("", "", self.store.max_tries, time.time(), ended.request_id)
        known = replace(
            known,
            urls=ended.urls,
            seed=ended.seed if ended.seed is not None else known.seed,
            blanked=ended.blanked,
        )
        self.store.save(known)
        return known
