# SPDX-License-Identifier: Apache-2.0
"""Which images stand behind what a DAG author writes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.images import decoding
from airflow_provider_dreambooth.images.sources import checked_texts, find


def names(*texts: str) -> list[str]:
    found = find(texts)
    assert found.problems == []
    return [image.name for image in found.images]


@pytest.fixture(autouse=True)
def no_heif(mocker: MockerFixture) -> None:
    """Whatever is installed here, HEIC cannot be used."""
    mocker.patch.object(decoding, "formats", return_value=frozenset({"PNG", "JPEG", "WebP", "AVIF"}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.JPG", "c.jpeg", "notes.txt", ".hidden.png", "d.webp", "e.heic"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "e.png").write_bytes(b"x")
    return tmp_path


def test_a_folder_stands_for_the_images_right_in_it_by_name(folder: Path) -> None:
    assert names(str(folder)) == [f"{folder}/{name}" for name in ("a.JPG", "b.png", "c.jpeg", "d.webp")]


@pytest.mark.parametrize("ending", ["png", "JPG", "jpeg", "jpe", "jfif", "webp", "avif"])
def test_every_usual_ending_is_an_image(tmp_path: Path, ending: str) -> None:
    (tmp_path / f"a.{ending}").write_bytes(b"x")
    assert names(str(tmp_path)) == [f"{tmp_path}/a.{ending}"]


@pytest.mark.parametrize("pattern", ["", "/*"])
def test_what_a_folder_or_pattern_holds_and_is_not_used_is_named(folder: Path, pattern: str) -> None:
    left_out = dict(find([f"{folder}{pattern}"]).left_out)
    assert {name.rpartition("/")[2] for name in left_out} == {"below", "e.heic", "notes.txt"}
    assert "add" in left_out[f"{folder}/below"]
    assert "pillow-heif" in left_out[f"{folder}/e.heic"]


def test_without_pillow_a_webp_file_is_left_out_and_the_extra_is_named(
    folder: Path, mocker: MockerFixture
) -> None:
    mocker.patch.object(decoding, "AVAILABLE", new=False)
    mocker.patch.object(decoding, "formats", return_value=frozenset({"PNG", "JPEG"}))
    assert "airflow-provider-dreambooth[images]" in dict(find([str(folder)]).left_out)[f"{folder}/d.webp"]


def test_a_link_to_a_photograph_elsewhere_is_that_photograph(folder: Path, tmp_path: Path) -> None:
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / "a.png").symlink_to(folder / "b.png")
    assert names(str(linked)) == [f"{linked}/a.png"]


def test_devices_and_pipes_are_never_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "zero.png").symlink_to("/dev/zero")
    (tmp_path / "a.png").write_bytes(b"x")
    found = find([str(tmp_path), "/dev/zero", str(tmp_path / "pipe.png"), str(tmp_path / "zero.png")])
    assert [image.name for image in found.images] == [f"{tmp_path}/a.png"]
    assert [why for _, why in found.left_out] == ["is not a regular file"] * 2
    assert [problem.what for problem in found.problems] == ["is not a regular file"] * 3


def test_a_file_that_became_a_pipe_does_not_hold_the_worker(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    place = find([str(tmp_path / "a.png")]).images[0].place
    assert place is not None
    (tmp_path / "a.png").unlink()
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(OSError, match="not a regular file"):
        place.read_up_to(10)


def test_more_images_than_anybody_trains_with_are_refused(tmp_path: Path) -> None:
    for number in range(1001):
        (tmp_path / f"{number}.png").touch()
    problems = find([str(tmp_path)]).problems
    assert [(problem.name, problem.what) for problem in problems] == [
        ("1001 images", "are more than the 1000 of one task")
    ]


def test_a_pattern_stands_for_what_matches_by_name(folder: Path) -> None:
    assert names(f"{folder}/*.p*") == [f"{folder}/b.png"]
    assert names(f"{folder}/**/*.png") == [f"{folder}/b.png", f"{folder}/below/e.png"]


def test_a_file_is_taken_whatever_its_ending(folder: Path) -> None:
    assert names(f"{folder}/d.webp") == [f"{folder}/d.webp"]


def test_a_file_uri_is_the_same_as_a_path(folder: Path) -> None:
    assert names(f"file://{folder}") == [
        f"file://{folder}/{name}" for name in ("a.JPG", "b.png", "c.jpeg", "d.webp")
    ]


def test_what_is_written_first_comes_first(folder: Path) -> None:
    written = ("https://example.com/2.png", f"{folder}/below", f"{folder}/b.png", "https://example.com/1.png")
    expected = [written[0], f"{folder}/below/e.png", written[2], written[3]]
    assert names(*written) == expected


@pytest.mark.parametrize("name", ["a b.png", "a#b.png", "a?b.png", "a[1].png", "50%.png", "a@b.png", "ä.png"])
def test_a_name_with_odd_signs_is_that_one_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "other.png").write_bytes(b"x")
    assert names(f"{tmp_path}/{name}") == [f"{tmp_path}/{name}"]
    images = find([f"file://{tmp_path}/{name}"]).images
    assert [image.place.read() for image in images if image.place] == [b"x"]


def test_the_home_folder_can_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "me.png").write_bytes(b"x")
    assert find(["~/me.png"]).images[0].place is not None


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("{folder}/none.png", "does not exist"),
        ("{folder}/none", "does not exist"),
        ("{folder}/*.gif", "matches no usable image"),
        ("{folder}/*.txt", "matches no usable image (it contains: notes.txt)"),
        ("{folder}/empty", "is a folder without a usable image"),
        ("https://exa mple.com/1.png", "is not a web address"),
        ("nothing://bucket/a.png", "nothing on this worker serves nothing:// addresses"),
        ("abfs://bucket/a.png", "apache-airflow-providers-microsoft-azure"),
    ],
)
def test_what_leads_nowhere_is_named_as_it_was_written(folder: Path, written: str, what: str) -> None:
    (folder / "empty").mkdir()
    text = written.format(folder=folder)
    found = find([text])
    problems = found.problems
    assert found.images == []
    assert [(problem.name.strip("'"), problem.transient) for problem in problems] == [(text, False)]
    assert what in problems[0].what


def test_one_that_leads_nowhere_hides_no_other(folder: Path) -> None:
    found = find([f"{folder}/none", f"{folder}/b.png", f"{folder}/*.gif"])
    assert (len(found.images), len(found.problems)) == (1, 2)


def test_a_storage_that_does_not_answer_may_answer_the_next_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any) -> str:
        raise ConnectionResetError("reset by peer")

    monkeypatch.setattr("airflow_provider_dreambooth.storage.place.Place.kind", fail)
    problems = find([str(folder)]).problems
    assert problems[0].transient
    assert "reset by peer" in problems[0].what


def test_a_bare_text_is_refused_and_told_how_to_write_it() -> None:
    with pytest.raises(DreamboothValidationError, match=r"Write images=\['s3://bucket/photos'\]"):
        checked_texts("s3://bucket/photos", "images")


def test_a_bare_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DreamboothValidationError, match=r"Write paths=\[path\]"):
        checked_texts(tmp_path, "paths")


@pytest.mark.parametrize(
    "value", [{"a", "b"}, None, 7, {"a": 1}, b"a", ["a", 1], ["a", ""], [[["a"]]], [None]]
)
def test_anything_else_than_an_ordered_list_of_texts_is_refused(value: Any) -> None:
    with pytest.raises(DreamboothValidationError, match="images"):
        checked_texts(value, "images")


def test_paths_are_as_good_as_texts(tmp_path: Path) -> None:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    assert checked_texts([tmp_path, ObjectStoragePath(f"file://{tmp_path}"), " a "], "images") == (
        str(tmp_path),
        f"file://{tmp_path}",
        "a",
    )


def test_the_lists_of_a_mapped_task_are_one_list() -> None:
    assert checked_texts([["a.png", "b.png"], ("c.png",), "d.png"], "images") == (
        "a.png",
        "b.png",
        "c.png",
        "d.png",
    )
