# SPDX-License-Identifier: Apache-2.0
"""Rendered pictures that are kept: by name, whole, once, and the same ones after a crash."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from functools import partialmethod
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.emulator.server import RunningEmulator
from airflow_provider_dreambooth.exceptions import DreamboothTransientError, DreamboothValidationError
from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
from airflow_provider_dreambooth.operators.dreambooth import DreamboothTextToImageOperator
from airflow_provider_dreambooth.rendering import folder as folders
from airflow_provider_dreambooth.storage.place import Place
from airflow_provider_dreambooth.transport.download import Download
from tests.emulated_task import Requests, Tries, dies_at, photo

RENDERING = "text_to_image_v6"


def render(connection: str, output: Any, **arguments: Any) -> DreamboothTextToImageOperator:
    given: dict[str, Any] = {
        "model_id": "midjourney",
        "prompt": "A fox, on the moon!",
        "samples": 2,
        "seed": 7,
    }
    return DreamboothTextToImageOperator(
        task_id="render",
        output_path=None if output is None else str(output),
        dreambooth_conn_id=connection,
        **given | arguments,
    )


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_each_picture_has_a_json_that_says_how_it_was_made(connection: str, tmp_path: Path) -> None:
    parameters = {"safety_checker": "no"}
    saved = Tries().run(
        render(
            connection,
            tmp_path / "out",
            negative_prompt="blurred",
            parameters=parameters,
            num_inference_steps=20,
        )
    )
    request = json.loads(Path(saved[0]).with_suffix(".json").read_text())["request_id"]
    assert [Path(path).name for path in saved] == [f"midjourney-7-{request}-{index}.png" for index in (1, 2)]
    assert names(tmp_path / "out") == [
        f"midjourney-7-{request}-{index}.{ending}" for index in (1, 2) for ending in ("json", "png")
    ]
    note = json.loads(Path(saved[1]).with_suffix(".json").read_text())
    assert note.pop("source").startswith("http://127.0.0.1")
    assert note.pop("saved_at").endswith("+00:00")
    assert note == {
        "prompt": "A fox, on the moon!",
        "negative_prompt": "blurred",
        "seed": 7,
        "model_id": "midjourney",
        "lora_model": [],
        "lora_strength": [],
        "inference_api": "v6",
        "parameters": {
            "width": 512,
            "height": 512,
            "num_inference_steps": 20,
            "guidance_scale": 7.5,
            "safety_checker": "no",
        },
        "request_id": request,
        "image": 2,
        "images": 2,
        "file": Path(saved[1]).name,
        "blanked": False,
    }


# Files are written in the order picture 1, JSON 1, picture 2, JSON 2.
@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("file_name", [None, "{prompt}-{index}"])
def test_a_retry_completes_the_set_of_the_same_rendering(
    connection: str,
    tmp_path: Path,
    asked: Requests,
    number: int,
    file_name: str | None,
) -> None:
    tries = Tries()
    with dies_at(folders, "write_whole", number):
        tries.run(render(connection, tmp_path, file_name=file_name))
    left = names(tmp_path)
    assert len(left) == number - 1
    saved = tries.run(render(connection, tmp_path, file_name=file_name))
    assert asked.of(RENDERING) == 1
    assert len(saved) == 2
    assert len(names(tmp_path)) == 4
    assert set(left) < set(names(tmp_path))


def test_what_is_saved_already_is_not_fetched_again(connection: str, tmp_path: Path, asked: Requests) -> None:
    tries = Tries()
    with dies_at(folders, "write_whole", 3):
        tries.run(render(connection, tmp_path))
    before = asked.of("picture")
    tries.run(render(connection, tmp_path))
    assert asked.of("picture") == before + 1


def test_a_crash_while_the_service_renders_costs_no_second_rendering(
    connection: str, tmp_path: Path, asked: Requests
) -> None:
    tries = Tries()
    slow = {"emulator": {"render": 1}}
    with dies_at(DreamboothHook, "fetch_image"):
        tries.run(render(connection, tmp_path, parameters=slow, poll_interval=0.2))
    saved = tries.run(render(connection, tmp_path, parameters=slow, poll_interval=0.2))
    assert asked.of(RENDERING) == 1
    assert len(saved) == 2


def test_another_prompt_is_another_rendering(connection: str, tmp_path: Path, asked: Requests) -> None:
    tries = Tries()
    with dies_at(folders, "write_whole", 2):
        tries.run(render(connection, tmp_path))
    tries.run(render(connection, tmp_path, prompt="a wolf"))
    assert asked.of(RENDERING) == 2


def test_a_clear_of_a_finished_task_renders_again(connection: str, tmp_path: Path, asked: Requests) -> None:
    tries = Tries()
    first = tries.run(render(connection, tmp_path))
    assert tries.run(render(connection, tmp_path)) == first, "a retry of Airflow's own"
    tries.clear()
    second = tries.run(render(connection, tmp_path))
    assert asked.of(RENDERING) == 2
    assert not set(first) & set(second)


def test_a_rendering_that_did_not_come_in_time_is_fetched_again_and_only_then_rendered_again(
    connection: str, tmp_path: Path, asked: Requests
) -> None:
    tries = Tries()
    slow = {"emulator": {"render": 60}}
    for rendered in (1, 1, 2):
        with pytest.raises(DreamboothTransientError, match="not ready by the task's timeout"):
            tries.run(render(connection, tmp_path, parameters=slow, timeout=0.3, poll_interval=0.1))
        assert asked.of(RENDERING) == rendered
        assert tries.instance.xcoms["rendering"]["state"] == "timed_out"


def test_a_request_that_the_service_has_forgotten_is_made_again(
    connection: str, tmp_path: Path, asked: Requests
) -> None:
    tries = Tries()
    slow = {"emulator": {"render": 1}}
    with dies_at(DreamboothHook, "fetch_image"):
        tries.run(render(connection, tmp_path, parameters=slow, poll_interval=0.2))
    entry = tries.state("dreambooth_rendering")
    tries.store.set("dreambooth_rendering", {**entry, "request_id": "404", "fetch_path": None})
    assert len(tries.run(render(connection, tmp_path, parameters=slow, poll_interval=0.2))) == 2
    assert asked.of(RENDERING) == 2


def downloads_sleep(monkeypatch: pytest.MonkeyPatch, sleep: Callable[[float], None]) -> None:
    made = partialmethod(Download.__init__, sleep=sleep)
    monkeypatch.setattr(Download, "__init__", made)


def test_images_that_are_not_there_yet_are_waited_for(
    connection: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator = render(connection, tmp_path, parameters={"emulator": {"late_links": 2}}, samples=1)
    slept: list[float] = []
    downloads_sleep(monkeypatch, slept.append)
    assert len(Tries().run(operator)) == 1
    assert len(slept) == 2


def test_links_that_stay_dead_are_given_up_after_two_tries(
    connection: str, tmp_path: Path, asked: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = Tries()
    dead = {"emulator": {"late_links": 1000}}
    for sentence in ("asks for the same image again", "renders again"):
        operator = render(connection, tmp_path, parameters=dead, samples=1)
        downloads_sleep(monkeypatch, lambda seconds: None)
        with pytest.raises(DreamboothTransientError, match=sentence):
            tries.run(operator)
    assert asked.of(RENDERING) == 1
    operator = render(connection, tmp_path, parameters=dead, samples=1)
    with pytest.raises(DreamboothTransientError):
        tries.run(operator)
    assert asked.of(RENDERING) == 2


def test_a_taken_name_is_refused_before_anything_is_rendered(
    connection: str, tmp_path: Path, asked: Requests
) -> None:
    (tmp_path / "a-fox-on-the-moon-2.png").write_bytes(b"somebody's")
    with pytest.raises(DreamboothValidationError, match=r"moon-2\.png exists already .* overwrite=True"):
        Tries().run(render(connection, tmp_path, file_name="{prompt}-{index}"))
    assert asked.of(RENDERING) == 0
    assert names(tmp_path) == ["a-fox-on-the-moon-2.png"]


def test_a_name_that_is_taken_meanwhile_is_not_overwritten(
    connection: str, tmp_path: Path, asked: Requests
) -> None:
    tries = Tries()
    (tmp_path / "7-1.png").write_bytes(b"somebody's")
    with pytest.raises(DreamboothValidationError, match="is not this rendering's"):
        tries.run(render(connection, tmp_path, file_name="{seed}-{index}"))
    assert (tmp_path / "7-1.png").read_bytes() == b"somebody's"
    tries.clear()
    saved = tries.run(render(connection, tmp_path, file_name="other-{seed}-{index}"))
    assert [Path(path).name for path in saved] == ["other-7-1.png", "other-7-2.png"]
    assert asked.of(RENDERING) == 1, "the picture had been rendered already"


def test_it_is_overwritten_when_asked_to(connection: str, tmp_path: Path) -> None:
    for index in (1, 2):
        (tmp_path / f"7-{index}.png").write_bytes(b"old")
    saved = Tries().run(render(connection, tmp_path, file_name="{seed}-{index}", overwrite=True))
    assert [Path(path).read_bytes()[:4] for path in saved] == [b"\x89PNG"] * 2
    assert len(names(tmp_path)) == 4


def test_two_renderings_never_meet_by_default(connection: str, tmp_path: Path) -> None:
    for map_index in range(3):
        Tries(map_index=map_index).run(render(connection, tmp_path))
    assert len(names(tmp_path)) == 12


def test_blanked_pictures_are_told_of(
    connection: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = Tries().run(render(connection, tmp_path, parameters={"emulator": {"nsfw": True}}))
    assert [json.loads(Path(path).with_suffix(".json").read_text())["blanked"] for path in saved] == [
        True,
        True,
    ]
    assert "safety checker has blanked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("output", "what"),
    [("nothing://bucket/out", "nothing on this worker serves"), ("", "output_path is empty")],
)
def test_a_place_that_cannot_be_written_to_is_refused_before_anything_is_rendered(
    connection: str, asked: Requests, output: str, what: str
) -> None:
    with pytest.raises(DreamboothValidationError, match=what):
        Tries().run(render(connection, output))
    assert asked.of(RENDERING) == 0


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_rendered(
    connection: str, tmp_path: Path, asked: Requests
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DreamboothValidationError, match="cannot be used"):
        Tries().run(render(connection, tmp_path / "file" / "out"))
    assert asked.of(RENDERING) == 0


def test_a_storage_that_fails_leaves_the_picture_to_a_retry(
    connection: str, tmp_path: Path, asked: Requests, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = Tries()
    with monkeypatch.context() as patched:

        def full(place: Any, content: bytes, *, overwrite: bool) -> None:
            raise OSError(28, "No space left on device")

        patched.setattr(folders, "write_whole", full)
        with pytest.raises(DreamboothTransientError, match=r"No space left .* pays for no other"):
            tries.run(render(connection, tmp_path))
    assert len(tries.run(render(connection, tmp_path))) == 2
    assert asked.of(RENDERING) == 1


def test_without_output_path_the_links_are_returned(connection: str, emulator: RunningEmulator) -> None:
    started = time.time()
    tries = Tries()
    links = tries.run(render(connection, None))
    assert all(link.startswith(emulator.url) for link in links)
    assert tries.state("dreambooth_rendering")["at"] >= round(started, 3)


@pytest.mark.parametrize("what", [b"", b"<html>", b"\x89PNG\r\n\x1a\nhalf", b"<Error/>"])
def test_a_link_that_brings_no_whole_image_is_tried_again_and_then_an_error_that_keeps_the_request(
    connection: str, tmp_path: Path, asked: Requests, mocker: MockerFixture, what: bytes
) -> None:
    tries = Tries()
    pauses = mocker.patch.object(folders, "_PAUSES", (0.0, 0.0))
    operator = render(connection, tmp_path)
    download = mocker.patch.object(operator.hook, "download", return_value=what)
    with pytest.raises(DreamboothTransientError, match="fetches the same images") as caught:
        tries.run(operator)
    assert not isinstance(caught.value, AirflowFailException)
    assert download.call_count == 1 + len(pauses)
    assert tries.state("dreambooth_rendering")["request_id"] in str(caught.value)
    assert names(tmp_path) == []
    assert len(tries.run(render(connection, tmp_path))) == 2
    assert asked.of(RENDERING) == 1


def test_an_image_that_comes_whole_the_second_time_is_saved(
    connection: str, tmp_path: Path, mocker: MockerFixture
) -> None:
    mocker.patch.object(folders, "_PAUSES", (0.0,))
    operator = render(connection, tmp_path, samples=1)
    mocker.patch.object(operator.hook, "download", side_effect=[b"<html>", photo()])
    assert len(Tries().run(operator)) == 1


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        ({"file_name": "x" * 300 + "{index}"}, "bytes, of which the folder takes"),
        ({"file_name": "file/{index}"}, "Not a directory|File exists"),
        ({"output_path": "file://elsewhere/out"}, "names the host"),
        ({"output_path": "s3:/bucket/out"}, "without its //"),
        ({"output_path": "~nobody-of-this-name/out"}, "home"),
        ({"output_path": "/proc/out"}, "cannot be used"),
        ({"output_path": "/proc"}, "cannot be used"),
    ],
    ids=str,
)
def test_what_cannot_be_saved_is_found_before_anything_is_billed_and_is_permanent(
    connection: str, tmp_path: Path, asked: Requests, arguments: dict[str, Any], what: str
) -> None:
    (tmp_path / "file").write_bytes(b"")
    output = arguments.pop("output_path", tmp_path)
    with pytest.raises(DreamboothValidationError, match=what) as caught:
        Tries().run(render(connection, output, **arguments))
    assert isinstance(caught.value, AirflowFailException)
    assert asked.of(RENDERING) == 0


@pytest.mark.parametrize(
    ("answer", "what", "error_class", "is_permanent"),
    [
        (FileNotFoundError("lost"), "no bucket 'lost'", DreamboothValidationError, True),
        (ConnectionError("no route"), "does not answer", DreamboothTransientError, False),
    ],
    ids=["no bucket", "no answer"],
)
def test_a_storage_that_cannot_be_used_is_found_before_anything_is_billed(
    connection: str,
    asked: Requests,
    mocker: MockerFixture,
    answer: Exception,
    what: str,
    error_class: type[Exception],
    is_permanent: bool,
) -> None:
    storage = mocker.Mock(protocol="s3", **{"info.side_effect": answer})
    mocker.patch.object(Place, "of", return_value=Place(storage, "lost/out", "s3://"))
    with pytest.raises(error_class, match=what) as caught:
        Tries().run(render(connection, "s3://lost/out"))
    assert isinstance(caught.value, AirflowFailException) is is_permanent
    assert asked.of(RENDERING) == 0


def test_a_folder_that_turns_unwritable_is_permanent_and_its_images_are_kept(
    connection: str, tmp_path: Path, asked: Requests, mocker: MockerFixture
) -> None:
    tries = Tries()
    mocker.patch.object(folders, "write_whole", side_effect=PermissionError(13, "Permission denied"))
    with pytest.raises(DreamboothValidationError, match="nothing is paid again") as caught:
        tries.run(render(connection, tmp_path))
    assert isinstance(caught.value, AirflowFailException)
    mocker.stopall()
    tries.clear()
    assert len(tries.run(render(connection, tmp_path))) == 2
    assert asked.of(RENDERING) == 1
