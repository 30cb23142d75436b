# SPDX-License-Identifier: Apache-2.0
"""A training and its images: checked before it is paid, and known again by what they show."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.emulator.server import RunningEmulator
from airflow_provider_dreambooth.exceptions import DreamboothTransientError, DreamboothValidationError
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.operators.dreambooth import (
    DreamboothFineTuneOperator,
    DreamboothUploadImagesOperator,
)
from airflow_provider_dreambooth.transport.download import NotFetchedError
from tests.emulated_task import Requests, Tries, dies_at, photo

Album = Callable[[int], Path]
TRAINING = "sandbox_fine_tune"


def train(connection: str, images: Any, **arguments: Any) -> DreamboothFineTuneOperator:
    given: dict[str, Any] = {"instance_prompt": "photo of zwx fox", "class_prompt": "photo of a fox"}
    return DreamboothFineTuneOperator(
        task_id="train", images=images, dreambooth_conn_id=connection, **given | arguments
    )


def test_a_folder_is_trained_with(
    connection: str, album: Album, emulator: RunningEmulator, asked: Requests
) -> None:
    training_id = Tries().run(train(connection, [str(album(4))]))
    assert (asked.of("base64_crop"), asked.of(TRAINING)) == (4, 1)
    sent = emulator.service.trainings[training_id].body["images"]
    assert [link.startswith(f"{emulator.url}/uploads/") for link in sent] == [True] * 4


def test_a_crash_between_two_uploads_costs_no_image_twice(
    connection: str, album: Album, asked: Requests
) -> None:
    tries, folder = Tries(), album(4)
    with dies_at(DreamboothHook, "upload_image", 3):
        tries.run(train(connection, [str(folder)]))
    assert (asked.of("base64_crop"), asked.of(TRAINING)) == (2, 0)
    tries.run(train(connection, [str(folder)]))
    assert (asked.of("base64_crop"), asked.of(TRAINING)) == (4, 1)


def test_a_retry_finds_the_training_without_looking_for_links(
    connection: str, album: Album, asked: Requests
) -> None:
    tries, folder = Tries(), album(3)
    first = tries.run(train(connection, [str(folder)]))
    for key in list(tries.store.entries):
        if key.startswith("dreambooth_uploads"):
            # Even with links that are gone: the training is known by what the images show.
            tries.store.delete(key)
    assert tries.run(train(connection, [str(folder)])) == first
    assert (asked.of("base64_crop"), asked.of(TRAINING)) == (3, 1)


def test_the_same_images_elsewhere_are_the_same_training(
    connection: str, album: Album, tmp_path: Path, asked: Requests
) -> None:
    tries, folder = Tries(), album(3)
    first = tries.run(train(connection, [str(folder)]))
    moved = folder.rename(tmp_path / "elsewhere")
    (moved / "1.png").rename(moved / "9.png")
    assert tries.run(train(connection, [f"{moved}/*.png"])) == first
    assert asked.of(TRAINING) == 1


def test_another_image_is_another_training(connection: str, album: Album, asked: Requests) -> None:
    tries, folder = Tries(), album(3)
    tries.run(train(connection, [str(folder)]))
    (folder / "2.png").write_bytes(photo(tone=200))
    tries.run(train(connection, [str(folder)]))
    assert (asked.of("base64_crop"), asked.of(TRAINING)) == (4, 2)


def test_a_training_is_found_again_after_its_images_are_gone(
    connection: str, album: Album, asked: Requests, capsys: pytest.CaptureFixture[str]
) -> None:
    tries, folder = Tries(), album(3)
    first = tries.run(train(connection, [str(folder)]))
    for path in folder.iterdir():
        path.unlink()
    assert tries.run(train(connection, [str(folder)])) == first
    assert asked.of(TRAINING) == 1
    assert "The training is looked up by the images that it was started with" in capsys.readouterr().out


def test_images_that_are_gone_start_no_new_training(connection: str, album: Album, asked: Requests) -> None:
    tries, folder = Tries(), album(3)
    tries.run(train(connection, [str(folder)]))
    (folder / "1.png").unlink()
    (folder / "2.png").write_bytes(b"")
    with pytest.raises(DreamboothValidationError, match="is empty"):
        tries.run(train(connection, [str(folder)], class_prompt="photo of a wolf"))
    assert asked.of(TRAINING) == 1


def test_a_bad_image_is_refused_before_anything_is_paid_or_cancelled(
    connection: str, album: Album, emulator: RunningEmulator, asked: Requests
) -> None:
    folder = album(3)
    gone = f"{emulator.url}/samples/fox/77.png"
    with pytest.raises(DreamboothValidationError, match=r"images cannot be used: 1 problem\.") as caught:
        Tries().run(train(connection, [str(folder), gone]))
    assert isinstance(caught.value, AirflowFailException)
    assert (asked.of("base64_crop"), asked.of(TRAINING)) == (0, 0)


def test_two_images_are_too_few(connection: str, album: Album, asked: Requests) -> None:
    with pytest.raises(DreamboothValidationError, match="images has 2 images; at least 3 are needed"):
        Tries().run(train(connection, [str(album(2))]))
    assert asked.of("base64_crop") == 0


def test_a_bare_text_is_refused(connection: str, album: Album) -> None:
    with pytest.raises(DreamboothValidationError, match=r"Write images=\["):
        Tries().run(train(connection, str(album(3))))


def test_links_are_sent_as_they_are(connection: str, emulator: RunningEmulator, asked: Requests) -> None:
    links = [f"{emulator.url}/samples/fox/{number}.png" for number in (3, 1, 2)]
    training_id = Tries().run(train(connection, links))
    assert emulator.service.trainings[training_id].body["images"] == links
    assert asked.of("base64_crop") == 0


def uploaded(connection: str, folder: Path) -> list[str]:
    """What a cleared upload task returns once its links are too old: new ones to the same images."""
    operator = DreamboothUploadImagesOperator(
        task_id="up", paths=[str(folder)], dreambooth_conn_id=connection
    )
    links: list[str] = Tries().run(operator)
    return links


def test_new_links_to_the_same_images_are_the_same_training(
    connection: str, album: Album, asked: Requests, capsys: pytest.CaptureFixture[str]
) -> None:
    tries, folder = Tries(), album(3)
    before, after = uploaded(connection, folder), uploaded(connection, folder)
    assert not set(before) & set(after)
    first = tries.run(train(connection, before))
    tries.clear()
    assert tries.run(train(connection, after)) == first
    assert asked.of(TRAINING) == 1
    assert "3 links are new and lead to the same images as before" in capsys.readouterr().out


def test_new_links_are_known_again_after_they_have_ended(
    connection: str, album: Album, emulator: RunningEmulator, asked: Requests, mocker: MockerFixture
) -> None:
    tries, folder = Tries(), album(3)
    before, after = uploaded(connection, folder), uploaded(connection, folder)
    first = tries.run(train(connection, before))
    tries.run(train(connection, after))
    gone = mocker.patch("airflow_provider_dreambooth.images.reading.Download.fetch")
    gone.side_effect = NotFetchedError("answers HTTP 404", status=404)
    assert tries.run(train(connection, after)) == first
    assert asked.of(TRAINING) == 1
    gone.assert_not_called()


def test_a_new_link_to_another_image_is_another_training(
    connection: str, album: Album, asked: Requests
) -> None:
    tries, folder = Tries(), album(3)
    before = uploaded(connection, folder)
    tries.run(train(connection, before))
    (folder / "2.png").write_bytes(photo(tone=200))
    tries.run(train(connection, uploaded(connection, folder)))
    assert asked.of(TRAINING) == 2


def test_a_training_of_partly_new_images_is_known_again(
    connection: str, album: Album, asked: Requests
) -> None:
    tries, folder = Tries(), album(3)
    tries.run(train(connection, uploaded(connection, folder)))
    (folder / "2.png").write_bytes(photo(tone=200))
    second = tries.run(train(connection, uploaded(connection, folder)))
    for _ in range(2):
        assert tries.run(train(connection, uploaded(connection, folder))) == second
    assert asked.of(TRAINING) == 2


def test_while_a_new_link_cannot_be_compared_nothing_is_paid(
    connection: str, album: Album, asked: Requests, mocker: MockerFixture
) -> None:
    tries, folder = Tries(), album(3)
    before, after = uploaded(connection, folder), uploaded(connection, folder)
    first = tries.run(train(connection, before))
    fetch = mocker.patch("airflow_provider_dreambooth.images.reading.Download.fetch")
    fetch.side_effect = NotFetchedError("cannot be reached from this worker")
    with pytest.raises(
        DreamboothTransientError,
        match=r"So it is not known whether .* Nothing was paid\. A retry checks again",
    ):
        tries.run(train(connection, after))
    mocker.stop(fetch)
    assert tries.run(train(connection, after)) == first
    assert asked.of(TRAINING) == 1


def test_a_signature_of_a_link_is_sent_to_the_service_and_stored_or_logged_nowhere(
    connection: str, emulator: RunningEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    links = [f"{emulator.url}/samples/fox/{number}.png?sig=s3cret" for number in (1, 2, 3)]
    tries = Tries()
    training_id = tries.run(train(connection, links))
    assert emulator.service.trainings[training_id].body["images"] == links
    out = capsys.readouterr()
    assert "s3cret" not in str([tries.store.entries, tries.instance.xcoms, out.out, out.err])
    # A signature that was renewed leads to the same images.
    renewed = [link.replace("s3cret", "0ther") for link in links]
    assert tries.run(train(connection, renewed)) == training_id
