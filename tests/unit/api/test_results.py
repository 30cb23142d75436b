# SPDX-License-Identifier: Apache-2.0
"""What the results say where the service says nothing."""

from __future__ import annotations

from airflow_provider_dreambooth.api.log_text import Progress
from airflow_provider_dreambooth.api.results import (
    Acknowledgement,
    FineTuneStarted,
    FineTuneStatus,
    Model,
    Rendering,
    UploadedImage,
)
from airflow_provider_dreambooth.api.stages import Outcome


def test_what_the_service_does_not_say_is_none() -> None:
    assert FineTuneStarted("X", "deploying_gpu").eta is None
    status = FineTuneStatus("X", "training_started", Outcome.RUNNING)
    assert (status.reason, status.cause_is_permanent) == (None, False)
    assert status.progress == Progress()
    assert (Model("X").status, Model("X").created_at) == (None, None)
    assert UploadedImage("https://images.example/a.png").request_id is None
    assert not Acknowledgement("done").processing
    rendering = Rendering(ready=False)
    assert (rendering.urls, rendering.eta, rendering.seed, rendering.blanked) == ((), None, None, False)
