# SPDX-License-Identifier: Apache-2.0
"""The run facets of trainings and renderings. Imports OpenLineage: only for when it is in use."""

from __future__ import annotations

import attrs
from airflow.providers.common.compat.openlineage.facet import RunFacet


@attrs.define
class DreamboothTrainingRunFacet(RunFacet):
    """
    How a model was trained.

    :param method: ``dreambooth``, ``dreambooth_v2`` or ``lora``.
    :param environment: ``sandbox`` or ``production``.
    :param trainingId: the training, ``None`` before it is known.
    :param instancePrompt: names the subject.
    :param classPrompt: names its class.
    :param baseModelId: the model that the training started from.
    :param trainingType: the service's word for the kind of subject.
    :param maxTrainSteps: steps or epochs, as asked for.
    :param seed: as asked for.
    :param stages: ``{"stage": …, "seen": …}`` in order, with ISO 8601 times.
    :param seconds: from the first stage that was seen to the last.
    """

    method: str | None = None
    environment: str | None = None
    trainingId: str | None = None  # noqa: N815 - facets are written in camel case
    instancePrompt: str | None = None  # noqa: N815
    classPrompt: str | None = None  # noqa: N815
    baseModelId: str | None = None  # noqa: N815
    trainingType: str | None = None  # noqa: N815
    maxTrainSteps: str | None = None  # noqa: N815
    seed: str | None = None
    stages: list[dict[str, str]] = attrs.field(factory=list)
    seconds: float | None = None


@attrs.define
class DreamboothRenderingRunFacet(RunFacet):
    """
    How images were rendered.

    :param prompt: what was asked for.
    :param negativePrompt: what was not wanted.
    :param width: pixels.
    :param height: pixels.
    :param numInferenceSteps: steps.
    :param guidanceScale: how closely to follow the prompt.
    :param seed: as asked for.
    """

    prompt: str | None = None
    negativePrompt: str | None = None  # noqa: N815
    width: str | None = None
    height: str | None = None
    numInferenceSteps: str | None = None  # noqa: N815
    guidanceScale: str | None = None  # noqa: N815
    seed: str | None = None
