"""Images that become public links, each once."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from airflow.providers.common.compat.sdk import AirflowFailException
from PIL import Image

from airflow_provider_dreambooth.emulator.server import RunningEmulator
from airflow_provider_dreambooth.exceptions import DreamboothTransientError, DreamboothValidationError
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.images import decoding
from airflow_provider_dreambooth.operators.dreambooth import DreamboothUploadImagesOperator
from tests.emulated_task import Requests, Tries, dies_at, photo

Album = Callable[[int], Path]


def upload(connection: str, paths: Any, **arguments: Any) -> DreamboothUploadImagesOperator:
    return DreamboothUploadImagesOperator(
        task_id="upload", paths=paths, dreambooth_conn_id=connection, **arguments
    )


def size_of(link: str) -> tuple[int, int]:
    return Image.open(io.BytesIO(requests.get(link, timeout=60).content)).size


def test_a_folder_becomes_links_to_squares_in_order(connection: str, album: Album, asked: Requests) -> None:
    links = Tries().run(upload(connection, [str(album(4))]))
    assert asked.of("base64_crop") == 4
    assert [size_of(link) for link in links] == [(512, 512)] * 4
    assert len(set(links)) == 4


def test_links_are_handed_on_between_what_is_uploaded(
    connection: str, album: Album, emulator: RunningEmulator, asked: Requests
) -> None:
    public = f"{emulator.url}/samples/fox/1.png"
    folder = album(2)
    links = Tries().run(upload(connection, [f"{folder}/2.png", public, f"file://{folder}/1.png"]))
    assert links[1] == public
    assert asked.of("base64_crop") == 2


@pytest.mark.parametrize("report_only", [True, "True"])
def test_a_report_names_what_would_be_uploaded_and_uploads_nothing(
    connection: str, emulator: RunningEmulator, album: Album, asked: Requests, report_only: Any
) -> None:
    tries, folder = Tries(), album(3)
    public = f"{emulator.url}/samples/fox/1.png"
    with dies_at(DreamboothHook, "upload_image", 2):
        tries.run(upload(connection, [str(folder), public]))
    told = tries.run(upload(connection, [str(folder), public], report_only=report_only))
    assert [Path(name).name for name in told] == ["2.png", "3.png"]
    assert asked.of("base64_crop") == 1
    tries.run(upload(connection, [str(folder), public]))
    assert asked.of("base64_crop") == 3


def test_a_report_checks_the_pictures(connection: str, album: Album, asked: Requests) -> None:
    folder = album(2)
    (folder / "1.png").write_bytes(b"no picture")
    with pytest.raises(DreamboothValidationError, match=r"1\.png"):
        Tries().run(upload(connection, [str(folder)], report_only=True))
    assert asked.of("base64_crop") == 0


def test_a_retry_uploads_only_what_the_crash_has_left_over(
    connection: str, album: Album, asked: Requests
) -> None:
    tries, folder = Tries(), album(5)
    with dies_at(DreamboothHook, "upload_image", 4) as sent:
        tries.run(upload(connection, [str(folder)]))
    links = tries.run(upload(connection, [str(folder)]))
    assert asked.of("base64_crop") == 5
    assert links[:3] == [image.url for image in sent]


def test_a_changed_picture_is_uploaded_again_and_no_other(
    connection: str, album: Album, asked: Requests
) -> None:
    tries, folder = Tries(), album(3)
    before = tries.run(upload(connection, [str(folder)]))
    (folder / "2.png").write_bytes(photo(tone=222))
    after = tries.run(upload(connection, [str(folder)]))
    assert asked.of("base64_crop") == 4
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True]


def test_whole_and_cut_are_two_uploads(connection: str, album: Album, asked: Requests) -> None:
    tries, folder = Tries(), album(1)
    cut = tries.run(upload(connection, [str(folder)]))
    whole = tries.run(upload(connection, [str(folder)], crop=False))
    assert (size_of(cut[0]), size_of(whole[0])) == ((512, 512), (640, 480))


def test_without_pillow_the_service_cuts(
    connection: str, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "AVAILABLE", False)
    sent: list[tuple[bytes, bool]] = []
    real = DreamboothHook.upload_image

    def noted(self: DreamboothHook, content: bytes, **arguments: Any) -> Any:
        sent.append((content, arguments["crop"]))
        return real(self, content, **arguments)

    monkeypatch.setattr(DreamboothHook, "upload_image", noted)
    folder = album(1)
    links = Tries().run(upload(connection, [str(folder)]))
    assert sent == [((folder / "1.png").read_bytes(), True)]
    assert size_of(links[0]) == (512, 512)


def test_without_pillow_a_large_photograph_is_refused_with_the_name_of_the_extra(
    connection: str, tmp_path: Path, asked: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "large.png").write_bytes(photo() + b"\0" * 5 * 1024 * 1024)
    monkeypatch.setattr(decoding, "AVAILABLE", False)
    with pytest.raises(
        DreamboothValidationError, match=r"pip install 'airflow-provider-dreambooth\[images\]'"
    ):
        Tries().run(upload(connection, [str(tmp_path)]))
    assert asked.of("base64_crop") == 0


def test_a_large_photograph_is_made_smaller(connection: str, tmp_path: Path) -> None:
    (tmp_path / "large.png").write_bytes(photo() + b"\0" * 5 * 1024 * 1024)
    assert size_of(Tries().run(upload(connection, [str(tmp_path)]))[0]) == (512, 512)
    with pytest.raises(DreamboothValidationError, match="crop=True makes it smaller"):
        Tries().run(upload(connection, [str(tmp_path)], crop=False))


def test_one_error_lists_all_that_is_wrong_and_nothing_is_uploaded(
    connection: str, album: Album, emulator: RunningEmulator, asked: Requests
) -> None:
    folder = album(2)
    (folder / "3.png").write_bytes((folder / "1.png").read_bytes())
    (folder / "4.jpg").write_bytes(b"<html>no picture</html>")
    (folder / "5.png").write_bytes(photo(200, 900))
    (folder / "6.png").write_bytes(photo(tone=99)[:-2000])
    gone = f"{emulator.url}/samples/fox/99.png"
    page = f"{emulator.url}/emulator/health"
    fox = f"{emulator.url}/samples/fox/1.png"
    with pytest.raises(DreamboothValidationError) as caught:
        Tries().run(upload(connection, [str(folder), f"{folder}/*.gif", "/none.png", gone, page, fox, fox]))
    text = str(caught.value)
    for part in (
        "paths cannot be used: 9 problems.",
        f"{folder}/3.png is the same image as {folder}/1.png",
        f"{folder}/4.jpg is a web page; PNG or JPEG is needed",
        f"{folder}/5.png has 200 x 900 pixels; at least 256",
        f"{folder}/6.png cannot be decoded to its end",
        f"{folder}/*.gif matches no image",
        "/none.png does not exist",
        f"{gone} leads to no image (HTTP 404)",
        f"{page} is not an image; PNG or JPEG is needed",
        f"{fox} is listed twice",
        "nothing was paid",
    ):
        assert part in text
    assert isinstance(caught.value, AirflowFailException), "a retry would not help"
    assert asked.of("base64_crop") == 0


def test_what_may_pass_is_left_to_a_retry(
    connection: str, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = album(2)

    def fail(self: Any, limit: int) -> bytes:
        raise TimeoutError("the storage is asleep")

    monkeypatch.setattr("airflow_provider_dreambooth.storage.place.Place.read_up_to", fail)
    with pytest.raises(DreamboothTransientError, match="the storage is asleep") as caught:
        Tries().run(upload(connection, [str(folder)]))
    assert not isinstance(caught.value, AirflowFailException)


def test_a_link_that_only_the_service_may_reach_is_handed_on_with_a_warning(
    connection: str, capsys: pytest.CaptureFixture[str]
) -> None:
    link = "http://127.0.0.1:1/1.png"  # nobody listens there
    assert Tries().run(upload(connection, [link])) == [link]
    assert f"{link} cannot be reached from this worker. It is passed on unseen" in capsys.readouterr().out


def test_small_pictures_are_used_with_a_warning(
    connection: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.png").write_bytes(photo(300, 300))
    Tries().run(upload(connection, [str(tmp_path)]))
    assert "1 of 1 images are smaller than the advised 512 pixels" in capsys.readouterr().out


def test_a_picture_that_changes_while_it_is_read_is_not_uploaded(
    connection: str, album: Album, asked: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = iter([photo(tone=1), photo(tone=2)])
    monkeypatch.setattr("airflow_provider_dreambooth.storage.place.Place.read_up_to", lambda self, limit: next(contents))
    with pytest.raises(DreamboothTransientError, match="was changed while"):
        Tries().run(upload(connection, [str(album(1))]))
    assert asked.of("base64_crop") == 0


def test_mapped_tasks_have_links_of_their_own(connection: str, album: Album, asked: Requests) -> None:
    folder = album(2)
    tasks = [Tries(map_index=index) for index in range(2)]
    for index, tries in enumerate(tasks, 1):
        for _ in range(2):
            tries.run(upload(connection, [f"{folder}/{index}.png"]))
    assert asked.of("base64_crop") == 2


def test_a_template_may_decide_about_cutting(connection: str, album: Album) -> None:
    folder = album(1)
    assert size_of(Tries().run(upload(connection, [str(folder)], crop="False"))[0]) == (640, 480)
    with pytest.raises(DreamboothValidationError, match="crop is 'maybe'"):
        Tries().run(upload(connection, [str(folder)], crop="maybe"))
