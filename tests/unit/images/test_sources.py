"""Which pictures stand behind what a DAG author writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.images.sources import checked_texts, find


def names(*texts: str) -> list[str]:
    sources, problems = find(texts)
    assert problems == []
    return [source.name for source in sources]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.png", "a.JPG", "c.jpeg", "notes.txt", ".hidden.png", "d.webp"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "e.png").write_bytes(b"x")
    return tmp_path


def test_a_folder_stands_for_the_png_and_jpeg_files_right_in_it_by_name(folder: Path) -> None:
    assert names(str(folder)) == [f"{folder}/{name}" for name in ("a.JPG", "b.png", "c.jpeg")]


def test_a_pattern_stands_for_what_matches_by_name(folder: Path) -> None:
    assert names(f"{folder}/*.p*") == [f"{folder}/b.png"]
    assert names(f"{folder}/**/*.png") == [f"{folder}/b.png", f"{folder}/below/e.png"]


def test_a_file_is_taken_whatever_its_ending(folder: Path) -> None:
    assert names(f"{folder}/d.webp") == [f"{folder}/d.webp"]


def test_a_file_uri_is_the_same_as_a_path(folder: Path) -> None:
    assert names(f"file://{folder}") == [f"file://{folder}/{name}" for name in ("a.JPG", "b.png", "c.jpeg")]


def test_what_is_written_first_comes_first(folder: Path) -> None:
    written = ("https://example.com/2.png", f"{folder}/below", f"{folder}/b.png", "https://example.com/1.png")
    expected = [written[0], f"{folder}/below/e.png", written[2], written[3]]
    assert names(*written) == expected


@pytest.mark.parametrize("name", ["a b.png", "a#b.png", "a?b.png", "a[1].png", "50%.png", "a@b.png", "ä.png"])
def test_a_name_with_odd_signs_is_that_one_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    (tmp_path / "other.png").write_bytes(b"x")
    assert names(f"{tmp_path}/{name}") == [f"{tmp_path}/{name}"]
    sources, _ = find([f"file://{tmp_path}/{name}"])
    assert [source.place.read() for source in sources if source.place] == [b"x"]


def test_the_home_folder_can_be_written_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "me.png").write_bytes(b"x")
    assert find(["~/me.png"])[0][0].place is not None


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("{folder}/none.png", "does not exist"),
        ("{folder}/none", "does not exist"),
        ("{folder}/*.gif", "matches no PNG or JPEG file"),
        ("{folder}/*.txt", "matches no PNG or JPEG file"),
        ("{folder}/empty", "is a folder without a PNG or JPEG file in it"),
        ("https://exa mple.com/1.png", "is not a web address"),
        ("nothing://bucket/a.png", "nothing on this worker serves nothing:// addresses"),
        ("abfs://bucket/a.png", "apache-airflow-providers-microsoft-azure"),
    ],
)
def test_what_leads_nowhere_is_named_as_it_was_written(folder: Path, written: str, what: str) -> None:
    (folder / "empty").mkdir()
    text = written.format(folder=folder)
    sources, problems = find([text])
    assert sources == []
    assert [(problem.source.strip("'"), problem.passing) for problem in problems] == [(text, False)]
    assert what in problems[0].what


def test_one_that_leads_nowhere_hides_no_other(folder: Path) -> None:
    sources, problems = find([f"{folder}/none", f"{folder}/b.png", f"{folder}/*.gif"])
    assert (len(sources), len(problems)) == (1, 2)


def test_a_storage_that_does_not_answer_may_answer_the_next_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Any) -> str:
        raise ConnectionResetError("reset by peer")

    monkeypatch.setattr("airflow_provider_dreambooth.storage.place.Place.kind", fail)
    _, problems = find([str(folder)])
    assert problems[0].passing
    assert "reset by peer" in problems[0].what


def test_a_bare_text_is_refused_and_told_how_to_write_it() -> None:
    with pytest.raises(DreamboothValidationError, match=r"Write images=\['s3://bucket/photos'\]"):
        checked_texts("s3://bucket/photos", "images")


def test_a_bare_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DreamboothValidationError, match=r"Write paths=\[path\]"):
        checked_texts(tmp_path, "paths")


@pytest.mark.parametrize("value", [{"a", "b"}, None, 7, {"a": 1}, b"a", ["a", 1], ["a", ""], [["a"]], [None]])
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
