# SPDX-License-Identifier: Apache-2.0
"""What the operators tell OpenLineage. Mixed into them; a plain class that imports nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_dreambooth.training.summary import TrainingSummary


def _asked(operator: Any, names: dict[str, str]) -> dict[str, Any]:
    """Return the operator's arguments as texts under the names of a facet's fields; what was not given is left out."""
    given = {name: getattr(operator, attribute, None) for name, attribute in names.items()}
    return {name: str(value) for name, value in given.items() if value not in (None, "", "None", "null")}


class _Lineage:
    """Tells the same at the start and at the end, as far as it is known then."""

    def get_openlineage_facets_on_start(self) -> Any:
        """Return what is known before the service has done anything."""
        return self._lineage()

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """Return what is known at the end; also called when the task has failed."""
        return self._lineage()

    def _lineage(self) -> Any:
        raise NotImplementedError


class TrainingLineage(_Lineage):
    """For the training operator and the sensor: images in, the model out, and how it was trained."""

    #: The training, once it is known, with the stages seen.
    training_summary: TrainingSummary | None = None

    def _lineage(self) -> Any:
        from airflow.providers.openlineage.extractors import OperatorLineage

        from airflow_provider_dreambooth.lineage.datasets import image_datasets, model_dataset
        from airflow_provider_dreambooth.lineage.facets import DreamboothTrainingRunFacet

        this: Any = self
        settings = this.hook.settings
        known = self.training_summary
        training_id = None if known is None else known.training_id
        stages = () if known is None else known.stages
        seen = [moment for _, moment in stages]
        asked = {
            "method": "method",
            "instancePrompt": "instance_prompt",
            "classPrompt": "class_prompt",
            "baseModelId": "base_model_id",
            "trainingType": "training_type",
            "maxTrainSteps": "max_train_steps",
            "seed": "seed",
        }
        facet = DreamboothTrainingRunFacet(
            environment=str(settings.environment),
            trainingId=training_id,
            stages=[
                {"stage": stage, "seen": datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")}
                for stage, moment in stages
            ],
            seconds=round(seen[-1] - seen[0], 1) if len(seen) > 1 else None,
            **_asked(self, asked),
        )
        return OperatorLineage(
            inputs=image_datasets(getattr(self, "images", None)),
            outputs=[model_dataset(training_id, settings.base_url)] if training_id else [],
            run_facets={"dreambooth_training": facet},
        )


class RenderingLineage(_Lineage):
    """For the rendering operator: the model in, the images out, and how they were rendered."""

    #: Where the images are, once they are there.
    lineage_images: Sequence[str] = ()

    def _lineage(self) -> Any:
        from airflow.providers.openlineage.extractors import OperatorLineage

        from airflow_provider_dreambooth.lineage.datasets import image_datasets, model_dataset
        from airflow_provider_dreambooth.lineage.facets import DreamboothRenderingRunFacet

        this: Any = self
        asked = {
            "prompt": "prompt",
            "negativePrompt": "negative_prompt",
            "width": "width",
            "height": "height",
            "numInferenceSteps": "num_inference_steps",
            "guidanceScale": "guidance_scale",
            "seed": "seed",
        }
        facet = DreamboothRenderingRunFacet(**_asked(self, asked))
        # A LoRA changes a base model: both went into the images.
        loras = this.lora_model or (this.parameters or {}).get("lora_model")
        models = [
            this.model_id,
            *(loras if isinstance(loras, (list, tuple)) else str(loras or "").split(",")),
        ]
        return OperatorLineage(
            inputs=[model_dataset(str(model), this.hook.settings.base_url) for model in models if model],
            outputs=image_datasets(self.lineage_images),
            run_facets={"dreambooth_rendering": facet},
        )
