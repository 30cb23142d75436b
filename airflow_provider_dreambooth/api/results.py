# SPDX-License-Identifier: Apache-2.0
"""What the service answers, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.api.log_text import Progress
from airflow_provider_dreambooth.api.stages import TRAINING_COMPLETED, Outcome


@dataclass(frozen=True)
class FineTuneStarted:
    """
    The service has taken a training on; it is paid from here.

    :param training_id: the id, which is also the model id once the model is ready.
    :param stage: the service's first stage, usually ``deploying_gpu``.
    :param eta: seconds that the service announces for the whole training, ``None`` when it does not.
    """

    training_id: str
    stage: str
    eta: float | None = None


@dataclass(frozen=True)
class FineTuneStatus:
    """
    Where a training stands.

    :param stage: the service's own word, such as ``trained_model_uploading``.
    :param outcome: what it means.
    :param progress: what the log text tells, ETA included.
    :param reason: why it failed, in the service's words; ``None`` unless it failed.
    :param cause_is_permanent: the same images would fail again.
    """

    training_id: str
    stage: str
    outcome: Outcome
    progress: Progress = field(default_factory=Progress)
    reason: str | None = None
    cause_is_permanent: bool = False

    @property
    def runs(self) -> bool:
        """Whether there is anything left that a cancel could end."""
        return not self.outcome.ended

    @property
    def may_be_stopped(self) -> bool:
        """Whether this may be the end by its owner's stop, which the answer does not tell from what comes before *ready*."""
        return False


@dataclass(frozen=True)
class TrainerStatus(FineTuneStatus):
    """
    Where a training of the v6 trainer stands.

    :param inference: what the service says of rendering with the LoRA; ``None`` until it says anything.
    :param rendering: the fields of the request that renders, once that is ready.
    """

    inference: Mapping[str, Any] | None = field(default=None, repr=False)
    rendering: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def runs(self) -> bool:
        """Whether there is anything left that a stop could end: a completed training is not billed any more."""
        return not self.outcome.ended and self.stage != TRAINING_COMPLETED

    @property
    def may_be_stopped(self) -> bool:
        """Whether it is completed and nothing is said of an inference: so ends a run that its owner stopped."""
        return self.stage == TRAINING_COMPLETED and self.inference is None


@dataclass(frozen=True)
class Acknowledgement:
    """
    The service has done, or begun, what was asked.

    :param message: the service's words.
    :param processing: it is still at it (reload of a model takes about two minutes).
    """

    message: str
    processing: bool = False


@dataclass(frozen=True)
class Model:
    """
    One row of a list of models. Its presence does not prove that the model is ready, nor that it is usable.

    :param model_id: its id, equal to the training id; ``None`` when the row names none that can be used. Such a row may
        be a training that is still running or that failed: whoever settles a lost answer must count it as in doubt.
    :param status: the stage that the list shows, ``None`` when the list holds ids alone.
    :param created_at: the service's own text for the time, ``None`` when the list does not show it.
    :param instance_prompt: the prompt that it was trained with, ``None`` when the list does not show it.
    """

    model_id: str | None
    status: str | None = None
    created_at: str | None = None
    instance_prompt: str | None = None


@dataclass(frozen=True)
class UploadedImage:
    """
    An image that the service now serves at a public link.

    :param url: the link.
    :param request_id: the id by which the service deletes it, ``None`` when not told.
    """

    url: str
    request_id: str | None = None


@dataclass(frozen=True)
class Rendering:
    """
    The answer to a request for images.

    :param ready: the images are there, at ``urls``.
    :param inference_api: the form of the API that answered.
    :param urls: links of the images; they can answer 404 for a short while (observed).
    :param request_id: the id to fetch the images by.
    :param eta: seconds until the service expects to be done, ``None`` when it does not say.
    :param fetch_path: where to ask again, below the configured host.
    :param seed: the seed that was used.
    :param steps: inference steps that were rendered, ``None`` when the answer does not say.
    :param blanked: the safety checker replaced at least one image.
    """

    ready: bool
    inference_api: InferenceApi = InferenceApi.V4
    urls: tuple[str, ...] = ()
    request_id: str | None = None
    eta: float | None = None
    fetch_path: str | None = None
    seed: int | None = None
    steps: int | None = None
    blanked: bool = False
