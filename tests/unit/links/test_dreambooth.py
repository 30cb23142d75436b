# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.api.link_text import LONGEST_LINK
from airflow_provider_dreambooth.links import dreambooth as links
from airflow_provider_dreambooth.operators.dreambooth import (
    DreamboothFineTuneOperator,
    DreamboothTextToImageOperator,
)
from airflow_provider_dreambooth.provider_info import get_provider_info
from airflow_provider_dreambooth.sensors.dreambooth import DreamboothFineTuneSensor

EMULATOR = "http://127.0.0.1:8765"


class TaskInstance:
    """Takes XComs."""

    def __init__(self) -> None:
        self.xcoms: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value


def test_the_emulator_has_a_page_for_each_training() -> None:
    assert links.training_page(EMULATOR, "abc") == f"{EMULATOR}/trainings/abc"
    assert links.model_page(EMULATOR, "abc") == f"{EMULATOR}/models/abc"


@pytest.mark.parametrize("host", ["https://stablediffusionapi.com", "https://modelslab.com"])
def test_the_hosted_service_has_a_dashboard_and_pages_of_models(host: str) -> None:
    assert links.training_page(host, "abc") == f"{host}/dashboard"
    assert links.model_page(host, "abc") == f"{host}/models/abc"


def test_a_link_holds_nothing_of_the_address_but_scheme_and_place() -> None:
    assert links.model_page("https://user:secret@proxy.example/api?x=1", "a/b") == (
        "https://proxy.example/models/a%2Fb"
    )


def test_training_and_model_are_pushed_at_once() -> None:
    operator, instance = SimpleNamespace(), TaskInstance()
    links.show_training(operator, instance, EMULATOR, "abc")
    assert instance.xcoms == {
        "dreambooth_training_link": f"{EMULATOR}/trainings/abc",
        "dreambooth_model_link": f"{EMULATOR}/models/abc",
    }


def test_each_image_gets_a_link_of_its_own() -> None:
    operator: Any = SimpleNamespace()
    instance = TaskInstance()
    links.show_model(operator, instance, EMULATOR, "abc")
    images = [f"{EMULATOR}/one.png", f"{EMULATOR}/two.png"]
    links.show_pictures(operator, instance, images)
    found = {link.name: link.get_link(operator, ti_key=None) for link in links.RENDERING_LINKS[:3]}
    assert found == {"Model": f"{EMULATOR}/models/abc", "Picture 1": images[0], "Picture 2": images[1]}


@pytest.mark.parametrize(
    "answer",
    [
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "file:///etc/passwd",
        "//example.org/image.png",
        "https://[broken/image.png",
        "https://example.org/an image.png",
        "https://example.org/\u202egnp.exe",
        "https://example.org/" + "a" * LONGEST_LINK,
        "",
        None,
        17,
    ],
)
def test_what_is_no_bounded_http_link_becomes_no_button(answer: Any) -> None:
    operator: Any = SimpleNamespace()
    instance = TaskInstance()
    links.show_pictures(operator, instance, [answer])
    assert instance.xcoms == {}
    assert links.RENDERING_LINKS[1].get_link(operator, ti_key=None) == ""


def test_a_link_that_somebody_wrote_into_the_xcom_is_checked_too(mocker: MockerFixture) -> None:
    mocker.patch(
        "airflow.providers.common.compat.sdk.XCom.get_value", return_value="javascript:alert(1)", create=True
    )
    assert links.TRAINING_LINKS[0].get_link(SimpleNamespace(), ti_key=None) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "operator_class", [DreamboothFineTuneOperator, DreamboothTextToImageOperator, DreamboothFineTuneSensor]
)
def test_airflow_is_told_of_every_link_of_every_operator(operator_class: Any) -> None:
    told = set(get_provider_info()["extra-links"])
    for link in operator_class.operator_extra_links:
        assert f"{type(link).__module__}.{type(link).__name__}" in told


def test_a_serialised_task_keeps_its_links() -> None:
    with DAG("links", schedule=None) as dag:
        DreamboothTextToImageOperator(task_id="render", model_id="abc", prompt="a fox")
    from airflow.serialization import serialized_objects

    # Its name below Airflow 3.2.
    old: Any = getattr(serialized_objects, "SerializedDAG", None)
    serialization: Any = getattr(serialized_objects, "DagSerialization", old)
    task = serialization.from_dict(serialization.to_dict(dag)).get_task("render")
    assert {link.name for link in task.operator_extra_links} == {link.name for link in links.RENDERING_LINKS}
