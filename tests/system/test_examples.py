# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from tests.system.example_runs import RUN, TRAININGS
from tests.system.stack import SystemStack
from tests.system.trainings import known_ids


@pytest.mark.parametrize("dag_id", TRAININGS)
def test_every_task_succeeds(finished: SystemStack, dag_id: str) -> None:
    states = {task["state"] for task in finished.client.task_instances(dag_id, RUN)}
    assert states == {"success"}, finished.client.describe(dag_id, RUN)


def test_no_training_was_paid_twice(paid: set[str]) -> None:
    assert len(paid) == sum(TRAININGS.values())


def test_ids_chain_from_training_to_rendering(finished: SystemStack) -> None:
    client = finished.client
    training_id = client.xcom("train_wait_render", RUN, "train")
    assert isinstance(training_id, str)
    assert client.xcom("train_wait_render", RUN, "train", key="training_id") == training_id
    assert client.xcom("train_wait_render", RUN, "wait") == training_id
    assert client.xcom("one_task_wait", RUN, "train_and_wait") in known_ids(finished)


def test_each_subject_is_rendered_with_its_own_model(finished: SystemStack) -> None:
    subjects = ("fox", "robot", "teapot")
    trained = {training["training_id"]: training["body"] for training in finished.emulator.trainings()}
    for index, subject in enumerate(subjects):
        model_id = finished.client.xcom("several_subjects", RUN, "wait", map_index=index)
        assert trained[model_id]["instance_prompt"] == f"photo of sks {subject}"
        assert len(finished.client.xcom("several_subjects", RUN, "render", map_index=index)) == 1


def test_the_images_are_saved(finished: SystemStack) -> None:
    saved = finished.client.xcom("train_wait_render", RUN, "render")
    assert len(saved) == 2
    for uri in saved:
        image = Path(uri.removeprefix("file://"))
        assert image.is_relative_to(finished.output)
        assert image.read_bytes().startswith(b"\x89PNG")


def test_the_key_is_in_no_log(finished: SystemStack, api_key: str) -> None:
    training_id = finished.client.xcom("train_wait_render", RUN, "train")
    texts = {path: path.read_text(errors="replace") for path in finished.log_files()}
    assert any(training_id in text for text in texts.values()), "the search looks in the wrong place"
    assert [str(path) for path, text in texts.items() if api_key in text] == []


def test_the_key_is_in_no_cell_of_the_database(finished: SystemStack, api_key: str) -> None:
    training_id = finished.client.xcom("train_wait_render", RUN, "train")
    cells = list(finished.cells())
    assert any(training_id in text for _, _, text in cells), "the search looks in the wrong place"
    # The connection's own row is encrypted and so does not show it either.
    assert [(table, column) for table, column, text in cells if api_key in text] == []
    stored = finished.query("SELECT is_encrypted FROM connection WHERE conn_id = 'dreambooth_default'")
    assert [tuple(row) for row in stored] == [(True,)]
