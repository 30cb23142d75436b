# SPDX-License-Identifier: Apache-2.0
"""The operator for the service's v6 trainer. Experimental."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import conf

from airflow_provider_dreambooth.api.trainer_fields import METHOD, refuse_hf_token, subject_in
from airflow_provider_dreambooth.api.trainer_request import TrainerRequest
from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.operators.training import TrainingOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_dreambooth.training.trainer_run import TrainerRun


class DreamboothTrainerOperator(TrainingOperator):
    """
    Start one training of the service's v6 trainer and push its id; with ``wait_for_completion`` also wait for its LoRA.

    **Experimental: never run against the hosted service.** Its answer to a start is published nowhere: the id is read from
    ``training_id``, ``id`` or ``request_id``, and any other answer counts as lost. Only the local emulator was asked.

    A training is **billed by the hour**, at a rate that no page states, until it ends or is stopped; the hour that has
    begun is charged. What becomes of it in retries, clears, kills and timeouts is the same as with
    :class:`DreamboothFineTuneOperator`: it is paid for once, and found again by a record. There is no list of these trainings,
    so a lost answer is settled by nobody: ``on_lost_submission`` decides. The request carries a ``training_id`` and a
    ``track_id`` made of the task's name, which the log tells, so that a person can look for it.

    The trainer calls a stop by its owner *completed*. The task tells it by the missing inference: after 30 minutes in which
    the service offers none the training counts as cancelled.

    Pushes XCom ``training_id`` as soon as it is known and returns it; it is also the id of the LoRA. A task that waits pushes
    XCom ``inference`` when the LoRA is ready: the fields of the request that renders, as the service gives them.

    Needs a connection with environment ``production``. A Hugging Face token comes from the connection's field ``hf_token``
    alone.

    :param trainer_id: the trainer in the service's words, such as ``flux_lora_trainer``. Templated.
    :param images: as for :class:`DreamboothFineTuneOperator`: links, files, folders, patterns and storage URIs, at least 3;
        a published client of the service takes 15 or more. What is uploaded is sized to 512 x 512, so give links to larger
        images where the trainer's ``resolution`` is higher. Templated.
    :param parameters: the trainer's own fields, sent as they are, such as ``trigger_word`` and ``training_steps``. ``hf_token``,
        ``training_id`` and ``track_id`` are refused. Templated.
    :param dreambooth_conn_id: the connection.
    :param wait_for_completion: wait until the LoRA is ready.
    :param deferrable: wait in the triggerer instead of on a worker.
    :param poll_interval: seconds between two polls; ``None`` (default) leaves it to the provider.
    :param timeout: seconds or timedelta that waiting may take, from the request on, over all retries; ``None`` for no
        limit. Default 6 hours.
    :param cancel_on_kill: stop the training when a user marks the waiting task failed.
    :param cancel_on_timeout: stop the training when ``timeout`` is over. By default it is still running then, **and billed**.
    :param on_lost_submission: when the answer to the paid request was lost: ``fail`` (default) ends the task with
        :class:`DreamboothLostSubmissionError`, ``resubmit`` pays for a new one.
    :param on_clear: what a user's clear does: ``reuse`` (default) the training of the same inputs, or ``retrain``.
    :param validate_only: check all that is free to check, then skip the task: nothing is uploaded and nothing is paid.
    :raises DreamboothValidationError: an input that cannot be meant; nothing was sent.
    :raises DreamboothTrainingFailedError: the service reports that the training failed, or it was stopped.
    :raises DreamboothTrainingTimeoutError: not ready in time.
    """

    template_fields: Sequence[str] = ("trainer_id", "images", "parameters", "dreambooth_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"images": "json", "parameters": "json"}

    _training_api = "v6"
    #: What summary and lineage show beside the fields of a fine-tuning, which this has not.
    method = METHOD
    class_prompt = training_type = base_model_id = max_train_steps = seed = None

    def __init__(
        self,
        *,
        trainer_id: str,
        images: Any,
        parameters: Mapping[str, Any] | None = None,
        dreambooth_conn_id: str = DEFAULT_CONNECTION_ID,
        wait_for_completion: bool = False,
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        poll_interval: float | None = None,
        timeout: float | timedelta | None = 6 * 3600,
        cancel_on_kill: bool = True,
        cancel_on_timeout: bool = False,
        on_lost_submission: str = "fail",
        on_clear: str = "reuse",
        validate_only: bool = False,
        **kwargs: Any,
    ) -> None:
        # Before Airflow stores the arguments anywhere.
        refuse_hf_token(parameters)
        super().__init__(
            images=images,
            parameters=parameters,
            dreambooth_conn_id=dreambooth_conn_id,
            wait_for_completion=wait_for_completion,
            deferrable=deferrable,
            poll_interval=poll_interval,
            timeout=timeout,
            cancel_on_kill=cancel_on_kill,
            cancel_on_timeout=cancel_on_timeout,
            on_lost_submission=on_lost_submission,
            on_clear=on_clear,
            validate_only=validate_only,
            **kwargs,
        )
        self.trainer_id = trainer_id

    @property
    def instance_prompt(self) -> str | None:
        """The subject, as far as a known field of ``parameters`` names it."""
        return subject_in(self.parameters)

    @property
    def shown_parameters(self) -> Mapping[str, Any]:
        """What summaries show of the request."""
        return {"trainer_id": self.trainer_id, **(self.parameters or {})}

    def _request(self, context: Context) -> TrainerRequest:
        return TrainerRequest.draft(
            environment=self.hook.settings.environment,
            trainer_id=self.trainer_id,
            parameters=self.parameters,
            owner=owner_of(context["ti"]),
        )

    def _flow(self) -> type[TrainerRun]:
        from airflow_provider_dreambooth.training.trainer_run import TrainerRun

        return TrainerRun


def owner_of(task_instance: Any) -> str:
    """
    Return a name of a task instance that the service can take: letters, digits and hyphens, at most 64.

    :param task_instance: the running task instance.
    """
    index = task_instance.map_index
    place = f"{task_instance.dag_id}/{task_instance.run_id}/{task_instance.task_id}/{index}"
    dag, task = (
        re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:22]
        for name in (task_instance.dag_id, task_instance.task_id)
    )
    return f"airflow-{dag}-{task}-{hashlib.sha256(place.encode()).hexdigest()[:8]}"
