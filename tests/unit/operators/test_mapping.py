# SPDX-License-Identifier: Apache-2.0
"""What Airflow asks of every operator: templates that find their fields, mapping, arguments that are kept as given."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.operators import dreambooth as operators
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.sensors.dreambooth import DreamboothFineTuneSensor

ARGUMENTS: dict[str, dict[str, Any]] = {
    "DreamboothFineTuneOperator": {
        "instance_prompt": "photo of {{ params.subject }}",
        "class_prompt": "photo of fox",
        "images": ["https://x.example/{{ params.subject }}.png"],
        "parameters": {"further": "{{ params.subject }}"},
    },
    "DreamboothTrainerOperator": {
        "trainer_id": "{{ params.subject }}_lora_trainer",
        "images": ["https://x.example/{{ params.subject }}.png"],
        "parameters": {"trigger_word": "{{ params.subject }}"},
    },
    "DreamboothTextToImageOperator": {"model_id": "{{ params.subject }}", "prompt": "{{ params.subject }}"},
    "DreamboothCancelTrainingOperator": {"training_id": "{{ params.subject }}"},
    "DreamboothDeleteModelOperator": {"model_id": "{{ params.subject }}"},
    "DreamboothReloadModelOperator": {"model_id": "{{ params.subject }}"},
    "DreamboothUploadImagesOperator": {"paths": ["{{ params.subject }}.png"]},
    "DreamboothFineTuneSensor": {"training_id": "{{ params.subject }}"},
}
CLASSES: dict[str, Any] = {
    name: getattr(operators, name, None) or DreamboothFineTuneSensor for name in ARGUMENTS
}


@pytest.fixture
def dag() -> Any:
    with DAG("portraits", start_date=datetime(2026, 1, 1, tzinfo=UTC), schedule=None) as made:
        yield made


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_templated_field_is_an_argument_that_is_kept_as_given(name: str) -> None:
    made = CLASSES[name](task_id="t", **ARGUMENTS[name])
    constructors = [vars(base)["__init__"] for base in CLASSES[name].__mro__ if "__init__" in vars(base)]
    parameters = {found for one in constructors for found in inspect.signature(one).parameters}
    for field in made.template_fields:
        assert field in parameters
        assert hasattr(made, field)
    for field, value in ARGUMENTS[name].items():
        assert getattr(made, field) is value


@pytest.mark.parametrize("name", ARGUMENTS)
def test_every_argument_with_user_data_is_templated(name: str) -> None:
    assert {*ARGUMENTS[name], "dreambooth_conn_id"} <= set(CLASSES[name].template_fields)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_templates_are_rendered_in_every_argument(name: str) -> None:
    made = CLASSES[name](task_id="t", dreambooth_conn_id="{{ params.subject }}", **ARGUMENTS[name])
    made.render_template_fields({"params": {"subject": "zwx"}})
    shown = {field: getattr(made, field) for field in made.template_fields}
    assert "zwx" in str(shown)
    assert "{{" not in str(shown)


@pytest.mark.parametrize("name", ARGUMENTS)
def test_each_can_be_expanded_over_each_argument(dag: Any, name: str) -> None:
    for number, field in enumerate(ARGUMENTS[name]):
        others = {key: value for key, value in ARGUMENTS[name].items() if key != field}
        mapped = (
            CLASSES[name].partial(task_id=f"t{number}", **others).expand(**{field: [ARGUMENTS[name][field]]})
        )
        assert mapped.task_id in dag.task_dict


@pytest.mark.parametrize("name", ARGUMENTS)
def test_each_can_be_expanded_over_sets_of_arguments(dag: Any, name: str) -> None:
    mapped = CLASSES[name].partial(task_id="t").expand_kwargs([ARGUMENTS[name], ARGUMENTS[name]])
    assert mapped.task_id in dag.task_dict


@pytest.mark.parametrize("name", ARGUMENTS)
def test_default_args_reach_the_connection(name: str) -> None:
    made = CLASSES[name](task_id="t", default_args={"dreambooth_conn_id": "other"}, **ARGUMENTS[name])
    assert made.dreambooth_conn_id == "other"


@pytest.mark.parametrize(
    "name", ["DreamboothFineTuneOperator", "DreamboothTextToImageOperator", "DreamboothFineTuneSensor"]
)
def test_deferral_follows_airflows_setting(name: str) -> None:
    default = inspect.signature(CLASSES[name].__init__).parameters["deferrable"].default
    assert default is False


@pytest.mark.parametrize("name", ["DreamboothFineTuneOperator", "DreamboothTextToImageOperator"])
def test_secrets_among_the_parameters_are_hidden_from_the_page_of_rendered_templates(
    name: str, mocker: MockerFixture
) -> None:
    hidden = mocker.patch.object(compat, "mask_secret")
    parameters = {
        "wandb_key": "w-{{ params.subject }}-1",
        "learning_rate": "2e-6",
        "hf": {"hf_token": "h-12345"},
    }
    made = CLASSES[name](task_id="t", **(ARGUMENTS[name] | {"parameters": parameters}))
    made.render_template_fields({"params": {"subject": "zwx"}})
    assert [call.args for call in hidden.call_args_list] == [("w-zwx-1",), ("h-12345",)]
