# SPDX-License-Identifier: Apache-2.0
"""Images out of a bucket and into a bucket, over a real S3 server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_dreambooth.emulator.server import RunningEmulator
from airflow_provider_dreambooth.exceptions import DreamboothTransientError, DreamboothValidationError
from airflow_provider_dreambooth.operators.dreambooth import (
    DreamboothFineTuneOperator,
    DreamboothTextToImageOperator,
    DreamboothUploadImagesOperator,
)
from airflow_provider_dreambooth.rendering import folder as folders
from airflow_provider_dreambooth.storage.place import Place
from airflow_provider_dreambooth.storage.whole_file import write_whole
from tests.emulated_task import Requests, Tries, dies_at, photo


def put(uri: str, content: bytes) -> None:
    write_whole(Place.of(uri), content, overwrite=True)


def names(uri: str) -> list[str]:
    place = Place.of(uri)
    place.forget_listings()
    return [
        found.name
        for found, kind in sorted(place.entries(), key=lambda entry: entry[0].uri)
        if kind == "file"
    ]


def render(connection: str, output: str, **arguments: Any) -> DreamboothTextToImageOperator:
    given: dict[str, Any] = {"model_id": "midjourney", "prompt": "a fox", "samples": 2, "seed": 7}
    return DreamboothTextToImageOperator(
        task_id="render", output_path=output, dreambooth_conn_id=connection, **given | arguments
    )


def test_a_folder_of_a_bucket_is_trained_with(
    bucket: str, connection: str, emulator: RunningEmulator, asked: Requests
) -> None:
    for tone, name in enumerate(("b.png", "a.JPG", "c 1#?.png", "notes.txt", "below/d.png")):
        put(f"{bucket}/fox/{name}", photo(tone=20 * tone, kind="JPEG" if name == "a.JPG" else "PNG"))
    tries = Tries()
    arguments: dict[str, Any] = {"instance_prompt": "photo of zwx fox", "class_prompt": "photo of a fox"}
    for images in ([f"{bucket}/fox"], [f"{bucket}/fox/"], [f"{bucket}/fox/?.*", f"{bucket}/fox/c 1#?.png"]):
        training_id = tries.run(
            DreamboothFineTuneOperator(
                task_id="train", images=images, dreambooth_conn_id=connection, **arguments
            )
        )
    assert (asked.of("base64_crop"), asked.of("sandbox_fine_tune")) == (3, 1)
    assert len(emulator.service.trainings[training_id].body["images"]) == 3


def test_a_pattern_and_a_single_object_are_found(bucket: str, connection: str, asked: Requests) -> None:
    for tone, name in enumerate(("1.png", "2.png", "3.jpg")):
        put(f"{bucket}/fox/{name}", photo(tone=20 * tone, kind="JPEG" if name == "3.jpg" else "PNG"))
    upload = DreamboothUploadImagesOperator(
        task_id="upload",
        paths=[f"{bucket}/fox/3.jpg", f"{bucket}/f*/*.png"],
        dreambooth_conn_id=connection,
    )
    assert len(Tries().run(upload)) == 3
    assert asked.of("base64_crop") == 3


def test_one_error_lists_all_that_is_wrong(bucket: str, connection: str, asked: Requests) -> None:
    put(f"{bucket}/fox/1.png", photo())
    put(f"{bucket}/fox/2.png", photo())
    put(f"{bucket}/fox/3.png", b"")
    paths = [f"{bucket}/fox", f"{bucket}/wolf", f"{bucket}/fox/*.gif", "s3://storage@no-such-bucket/fox"]
    with pytest.raises(DreamboothValidationError) as caught:
        Tries().run(
            DreamboothUploadImagesOperator(task_id="upload", paths=paths, dreambooth_conn_id=connection)
        )
    for part in (
        "paths cannot be used: 5 problems.",
        f"{bucket}/fox/2.png is the same image as {bucket}/fox/1.png",
        f"{bucket}/fox/3.png is empty",
        f"{bucket}/wolf does not exist",
        f"{bucket}/fox/*.gif matches no usable image",
        "s3://storage@no-such-bucket/fox does not exist",
    ):
        assert part in str(caught.value)
    assert asked.of("base64_crop") == 0


def test_a_storage_that_does_not_answer_is_a_transient_error(
    bucket: str, connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {
        "conn_type": "aws",
        "login": "storage-tests",
        "password": "not-a-secret",
        "extra": {
            "endpoint_url": "http://127.0.0.1:1",
            "region_name": "us-east-1",
            "config_kwargs": {"retries": {"max_attempts": 0}, "connect_timeout": 2},
        },
    }
    monkeypatch.setenv("AIRFLOW_CONN_NOBODY", json.dumps(document))
    with pytest.raises(DreamboothTransientError, match="A retry checks again"):
        Tries().run(
            DreamboothUploadImagesOperator(
                task_id="upload", paths=["s3://nobody@bucket/fox"], dreambooth_conn_id=connection
            )
        )


def test_images_are_saved_with_their_json(bucket: str, connection: str) -> None:
    saved = Tries().run(render(connection, f"{bucket}/out"))
    assert [uri.rpartition("/")[0] for uri in saved] == [f"{bucket}/out"] * 2
    assert len(names(f"{bucket}/out")) == 4
    for number, uri in enumerate(saved, 1):
        assert Place.of(uri).read().startswith(b"\x89PNG")
        note = json.loads(Place.of(uri.replace(".png", ".json")).read())
        assert (note["image"], note["seed"], note["prompt"]) == (number, 7, "a fox")


# Files are written in the order image 1, JSON 1, image 2, JSON 2.
@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_retry_completes_the_set(bucket: str, connection: str, asked: Requests, number: int) -> None:
    tries = Tries()
    with dies_at(folders, "write_whole", number):
        tries.run(render(connection, f"{bucket}/out"))
    assert len(tries.run(render(connection, f"{bucket}/out"))) == 2
    assert asked.of("text_to_image_v6") == 1
    assert len(names(f"{bucket}/out")) == 4


def test_nothing_is_overwritten_unasked(bucket: str, connection: str, asked: Requests) -> None:
    put(f"{bucket}/out/fox-2.json", b"{}")
    with pytest.raises(DreamboothValidationError, match=r"out/fox-2\.json exists already"):
        Tries().run(render(connection, f"{bucket}/out", file_name="fox-{index}"))
    assert asked.of("text_to_image_v6") == 0
    saved = Tries().run(render(connection, f"{bucket}/out", file_name="fox-{index}", overwrite=True))
    assert len(saved) == 2
    assert Place.of(f"{bucket}/out/fox-2.json").read() != b"{}"


def test_of_two_writers_at_the_same_moment_one_is_refused(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(f"{bucket}/1.png", b"first")
    # The check before has seen nothing: the store's own condition decides.
    monkeypatch.setattr(Place, "kind", lambda self: None)
    with pytest.raises(FileExistsError):
        write_whole(Place.of(f"{bucket}/1.png"), b"second", overwrite=False)
    assert Place.of(f"{bucket}/1.png").read() == b"first"


def test_a_bucket_that_does_not_exist_is_found_before_anything_is_billed(
    connection: str, bucket: str, asked: Requests
) -> None:
    missing = f"{bucket}-misspelt"
    with pytest.raises(DreamboothValidationError, match=r"there is no bucket") as caught:
        Tries().run(render(connection, f"{missing}/out"))
    assert isinstance(caught.value, AirflowFailException)
    assert Place.of(missing).kind() is None
    assert asked.of("text_to_image_v6") == 0


def test_tasks_map_over_folders_of_a_bucket(bucket: str, connection: str, asked: Requests) -> None:
    for subject in ("fox", "robot"):
        for number in range(3):
            put(f"{bucket}/{subject}/{number}.png", photo(tone=20 * number))
    for index, subject in enumerate(("fox", "robot")):
        upload = DreamboothUploadImagesOperator(
            task_id="upload", paths=[f"{bucket}/{subject}"], dreambooth_conn_id=connection
        )
        assert len(Tries(map_index=index).run(upload)) == 3
    assert asked.of("base64_crop") == 6
