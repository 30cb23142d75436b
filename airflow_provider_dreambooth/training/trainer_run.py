# SPDX-License-Identifier: Apache-2.0
"""What is different about one try of a task that has a training of the v6 trainer."""

from __future__ import annotations

import json
from threading import Thread
from typing import TYPE_CHECKING

from airflow_provider_dreambooth.api.results import TrainerStatus
from airflow_provider_dreambooth.masking import without_secrets
from airflow_provider_dreambooth.training import stop_note
from airflow_provider_dreambooth.training.record import Ending
from airflow_provider_dreambooth.training.run import TrainingRun

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.training_routes import TrainingRequest
    from airflow_provider_dreambooth.images.supply import ImageSupply
    from airflow_provider_dreambooth.training.submission import Secured

#: Seconds in which Airflow must take a note about a stop; it kills the process 5 s after the signal.
NOTED_WITHIN = 1.5
#: Characters of the request that renders beyond which it is no XCom.
LONGEST_INFERENCE = 20_000


class TrainerRun(TrainingRun):
    """A training that was stopped is called completed by the service: only what is noted here tells them apart."""

    def _secure(self, request: TrainingRequest, images: ImageSupply) -> Secured:
        stop_note.take_over(self._record, self._log)
        return super()._secure(request, images)

    def _became_ready(self, training_id: str) -> None:
        """Push what the service says of rendering with the LoRA."""
        status = self._hook.fine_tune_status(training_id)
        fields = status.rendering if isinstance(status, TrainerStatus) else None
        if fields is None or len(json.dumps(fields)) > LONGEST_INFERENCE:
            self._log.warning(
                "XCom inference is not pushed: the service gives no request that renders with LoRA %s, or one of more than %d "
                "characters.",
                training_id,
                LONGEST_INFERENCE,
            )
            return
        self._task_instance.xcom_push(key="inference", value=without_secrets(fields))

    def on_kill(self) -> None:
        """Stop the training if, and only if, a person marked the task failed while it waits on this worker."""
        training_id = self.waiting_for
        super().on_kill()
        if self._killed is not None and self._killed.cancelled:
            noting = Thread(
                target=self._note_stop, args=(training_id,), name="dreambooth-stopped", daemon=True
            )
            noting.start()
            noting.join(NOTED_WITHIN)
            if noting.is_alive():
                self._log.warning(stop_note.NOT_NOTED, training_id, " in time")

    def _note_stop(self, training_id: str | None) -> None:
        try:
            known = self._record.load()
            if known is not None and known.training_id == training_id and known.ending is None:
                self._record.end(known, known.ended(Ending.CANCELLED, "the task was marked failed"))
        except Exception as error:
            # The process ends in a moment: nothing else may come of it.
            self._log.warning(stop_note.NOT_NOTED, training_id, f" ({type(error).__name__})")
