# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_dreambooth.lineage.datasets import image_name
from airflow_provider_dreambooth.training.summary import TrainingSummary
from tests.requirements import required_modules


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("https://cdn.example/fox/1.png", ("https://cdn.example", "fox/1.png")),
        ("https://b.s3.amazonaws.com/1.png?X-Amz-Signature=secret", ("https://b.s3.amazonaws.com", "1.png")),
        ("https://user:secret@cdn.example/1.png", ("https://cdn.example", "1.png")),
        ("s3://bucket/photographs/1.png", ("s3://bucket", "photographs/1.png")),
        ("s3://my_conn@bucket/photographs/", ("s3://bucket", "photographs")),
        ("gs://bucket", ("gs://bucket", "/")),
        ("file:///data/1.png", ("file", "/data/1.png")),
        ("/data/1.png", ("file", "/data/1.png")),
    ],
)
def test_an_image_is_named_by_the_rules_of_its_storage(place: str, name: tuple[str, str]) -> None:
    assert image_name(place) == name


def test_a_relative_path_is_named_from_the_root() -> None:
    assert image_name("images/1.png") == ("file", str(Path.cwd() / "images/1.png"))


def test_operators_import_nothing_of_openlineage() -> None:
    program = (
        "import sys, airflow_provider_dreambooth.operators.dreambooth, airflow_provider_dreambooth.sensors.dreambooth\n"
        "ours = 'airflow_provider_dreambooth.lineage.'\n"
        "heavy = ('openlineage.', 'airflow.providers.openlineage.extractors', ours + 'facets', ours + 'datasets')\n"
        "print([name for name in sys.modules if name.startswith(heavy)])"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip().splitlines()[-1] == "[]"


class TestFacets:
    """What the methods give to the provider."""

    @pytest.fixture(autouse=True)
    def provider(self, monkeypatch: pytest.MonkeyPatch) -> None:
        required_modules("airflow.providers.openlineage", group="lineage")
        connection = (
            '{"conn_type": "dreambooth", "host": "http://127.0.0.1:8765", "password": "a-secret-key"}'
        )
        monkeypatch.setenv("AIRFLOW_CONN_DREAMBOOTH_DEFAULT", connection)

    def training(self) -> Any:
        from airflow_provider_dreambooth.operators.dreambooth import DreamboothFineTuneOperator

        return DreamboothFineTuneOperator(
            task_id="train",
            instance_prompt="photo of sks fox",
            class_prompt="photo of a fox",
            images=["https://cdn.example/1.png", "s3://bucket/2.png", "s3://bucket/2.png"],
            seed=7,
            parameters={"wandb_key": "another-secret"},
        )

    def test_before_the_training_is_known_only_images_are(self) -> None:
        lineage = self.training().get_openlineage_facets_on_start()
        assert [(item.namespace, item.name) for item in lineage.inputs] == [
            ("https://cdn.example", "1.png"),
            ("s3://bucket", "2.png"),
        ]
        assert lineage.outputs == []

    def test_after_it_the_model_and_its_stages_are_reported(self) -> None:
        training = self.training()
        stages = (("deploying_gpu", 1000.0), ("model_ready", 1090.5))
        training.training_summary = TrainingSummary("F5jvdzGnYi", stages=stages)
        lineage = training.get_openlineage_facets_on_complete(None)
        assert [(item.namespace, item.name) for item in lineage.outputs] == [
            ("dreambooth://127.0.0.1:8765", "F5jvdzGnYi")
        ]
        facet = lineage.run_facets["dreambooth_training"]
        assert (facet.method, facet.seed, facet.environment) == ("dreambooth", "7", "sandbox")
        assert facet.seconds == 90.5
        assert facet.stages[0] == {"stage": "deploying_gpu", "seen": "1970-01-01T00:16:40+00:00"}

    def test_a_training_of_the_v6_trainer_is_reported_as_well(self) -> None:
        from airflow_provider_dreambooth.operators.dreambooth import DreamboothTrainerOperator

        trainer = DreamboothTrainerOperator(
            task_id="train",
            trainer_id="flux_lora_trainer",
            images=["https://cdn.example/1.png"],
            parameters={"trigger_word": "ohwx"},
        )
        trainer.training_summary = TrainingSummary("6e0cfd5e")
        lineage = trainer.get_openlineage_facets_on_complete(None)
        assert [item.name for item in lineage.outputs] == ["6e0cfd5e"]
        facet = lineage.run_facets["dreambooth_training"]
        assert (facet.method, facet.instancePrompt, facet.seed) == ("trainer_v6", "ohwx", None)

    def test_no_secret_is_reported(self) -> None:
        told = repr(self.training().get_openlineage_facets_on_complete(None).run_facets)
        assert "secret" not in told

    def test_a_lora_goes_into_the_images_beside_its_base_model(self) -> None:
        from airflow_provider_dreambooth.operators.dreambooth import DreamboothTextToImageOperator

        render = DreamboothTextToImageOperator(
            task_id="render", model_id="base", prompt="a fox", parameters={"lora_model": "mine"}
        )
        render.lineage_images = ["s3://bucket/out/1.png"]
        lineage = render.get_openlineage_facets_on_complete(None)
        assert [item.name for item in lineage.inputs] == ["base", "mine"]
        assert [(item.namespace, item.name) for item in lineage.outputs] == [("s3://bucket", "out/1.png")]
