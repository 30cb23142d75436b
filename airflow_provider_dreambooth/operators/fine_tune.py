# SPDX-License-Identifier: Apache-2.0
"""The operator that starts a fine-tuning, pays for it once, and can wait for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import conf

from airflow_provider_dreambooth.api.fine_tune_request import FineTuneRequest
from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.operators.training import TrainingOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class DreamboothFineTuneOperator(TrainingOperator):
    """
    Start one Dreambooth training and push its id; with ``wait_for_completion`` also wait until the model is ready.

    A training **costs money** (from 3 USD, documented price) and takes half an hour or more. It is paid for once:
    a retry, a restart or a clear of the task finds the running or finished training again by a record that is
    written before the request goes out (Airflow 3.3: the task state store; below: an Airflow Variable).

    Pushes XCom ``training_id`` as soon as it is known and returns it; it is also the id of the model.

    An ``AssetAlias`` in ``outlets`` of a waiting task gets an event for each model that is ready; so does an ``Asset``.

    .. note::
        ``execution_timeout`` counts only the seconds on a worker, never those spent deferred. Use ``timeout``.

    :param instance_prompt: names the subject, such as ``photo of ohwx person``; must recur in later prompts. Templated.
    :param class_prompt: names the subject's class, such as ``photo of person``. Templated.
    :param images: list of images, at least 3, better 7 or 8: http(s) links, files, folders, patterns such as
        ``photos/*.png`` and object storage URIs (``s3://conn_id@bucket/folder``), mixed. What has no public link is
        turned upright, converted to sRGB, squared, sized to 512 x 512 (with the extra ``images``; without it by the
        service) and uploaded, each image once. All are checked before anything is paid. An image counts by its
        content, a link by itself or, when it is a new one, by what is behind it. Who templates this can publish
        what the worker can read. Templated.
    :param training_type: ``men``, ``female``, ``couple`` or ``None`` for any other subject. Templated.
    :param max_train_steps: steps for ``dreambooth`` (1 to 2000), epochs for ``lora`` (10 to 50); ``None`` leaves it
        to the service; ``dreambooth_v2`` has no such field. Templated.
    :param seed: ``None`` for a random one. Templated.
    :param base_model_id: the model to start from; only in the production environment. Templated.
    :param webhook: link that the service calls at each stage. Templated.
    :param method: ``dreambooth`` (``fine_tune``), ``dreambooth_v2`` (``fine_tune_v2``) or ``lora`` (``lora_fine_tune``).
    :param parameters: further body fields, sent as they are. Templated.
    :param dreambooth_conn_id: the connection.
    :param wait_for_completion: wait until the model is ready.
    :param deferrable: wait in the triggerer instead of on a worker.
    :param poll_interval: seconds between two polls; ``None`` (default) follows the service's own ETA.
    :param timeout: seconds or timedelta that waiting may take, from the request on, over all retries; ``None`` for
        no limit. Default 6 hours.
    :param cancel_on_kill: cancel the training when a user marks the waiting task failed.
    :param cancel_on_timeout: cancel the training when ``timeout`` is over; by default it keeps running and a retry
        re-attaches to it.
    :param on_lost_submission: when the answer to the paid request was lost and nothing tells whether it was accepted:
        ``fail`` (default) ends the task with :class:`DreamboothLostSubmissionError`, ``resubmit`` pays for a new one.
    :param on_clear: what a user's clear does: ``reuse`` (default) the training of the same inputs, or ``retrain``.
    :param validate_only: check connection, inputs and every image, and in ``production`` that the key is accepted; log what
        would be sent and its documented price; then skip the task. Nothing is uploaded and nothing is paid, so that a DAG
        can be tried in CI.
    :raises DreamboothValidationError: an input that the service would refuse; nothing was sent.
    :raises DreamboothTrainingFailedError: the service reports that the training failed.
    :raises DreamboothTrainingTimeoutError: not ready in time.
    """

    template_fields: Sequence[str] = (
        "instance_prompt",
        "class_prompt",
        "images",
        "training_type",
        "max_train_steps",
        "seed",
        "base_model_id",
        "webhook",
        "method",
        "parameters",
        "dreambooth_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"images": "json", "parameters": "json"}

    def __init__(
        self,
        *,
        instance_prompt: str,
        class_prompt: str,
        images: Any,
        training_type: str | None = None,
        max_train_steps: int | str | None = None,
        seed: int | str | None = None,
        base_model_id: str | None = None,
        webhook: str | None = None,
        method: str = "dreambooth",
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
        self.instance_prompt = instance_prompt
        self.class_prompt = class_prompt
        self.training_type = training_type
        self.max_train_steps = max_train_steps
        self.seed = seed
        self.base_model_id = base_model_id
        self.webhook = webhook
        self.method = method

    def _request(self, context: Context) -> FineTuneRequest:
        return FineTuneRequest.draft(
            environment=self.hook.settings.environment,
            instance_prompt=self.instance_prompt,
            class_prompt=self.class_prompt,
            method=self.method,
            training_type=self.training_type,
            max_train_steps=self.max_train_steps,
            seed=self.seed,
            base_model_id=self.base_model_id,
            webhook=self.webhook,
            parameters=self.parameters,
        )
