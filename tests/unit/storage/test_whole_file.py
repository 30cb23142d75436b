# SPDX-License-Identifier: Apache-2.0
"""Files are written whole or not at all, and over another only when asked to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_dreambooth.storage import whole_file
from airflow_provider_dreambooth.storage.place import Place
from airflow_provider_dreambooth.storage.whole_file import write_whole
from tests.emulated_task import dies_at


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(params=["unnamed", "hidden"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The two ways to write on a disk: systems have the one or the other."""
    if request.param == "hidden":
        monkeypatch.setattr(whole_file, "_write_unnamed", lambda target, content: False)
    return str(request.param)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_is_written_with_the_folders_on_its_way(way: str, tmp_path: Path, overwrite: bool) -> None:
    target = tmp_path / "a" / "b" / "1.png"
    write_whole(Place.of(str(target)), b"content", overwrite=overwrite)
    assert target.read_bytes() == b"content"
    assert names(target.parent) == ["1.png"]


def test_no_file_is_replaced_unasked(way: str, tmp_path: Path) -> None:
    target = tmp_path / "1.png"
    target.write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_whole(Place.of(str(target)), b"new", overwrite=False)
    assert target.read_bytes() == b"old"
    write_whole(Place.of(str(target)), b"new", overwrite=True)
    assert target.read_bytes() == b"new"
    assert names(tmp_path) == ["1.png"]


def test_others_may_read_what_is_written(way: str, tmp_path: Path) -> None:
    target = tmp_path / "1.png"
    write_whole(Place.of(f"file://{target}"), b"content", overwrite=False)
    usual = tmp_path / "usual"
    usual.write_bytes(b"")
    assert target.stat().st_mode == usual.stat().st_mode


def test_a_crash_leaves_no_half_written_file(tmp_path: Path) -> None:
    with dies_at(os, "fsync"):
        write_whole(Place.of(f"{tmp_path}/1.png"), b"content", overwrite=False)
    assert names(tmp_path) == []


def test_what_a_crash_leaves_under_a_hidden_name_goes_with_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_file, "_write_unnamed", lambda target, content: False)
    (tmp_path / whole_file.hidden("1.png")).write_bytes(b"con")
    write_whole(Place.of(f"{tmp_path}/1.png"), b"content", overwrite=False)
    assert names(tmp_path) == ["1.png"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_nothing_is_written_through_a_link_that_somebody_has_laid(
    way: str, tmp_path: Path, overwrite: bool
) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / whole_file.hidden("1.png")).symlink_to(theirs)
    if overwrite:
        (folder / "1.png").symlink_to(theirs)
    write_whole(Place.of(f"{folder}/1.png"), b"ours", overwrite=overwrite)
    assert theirs.read_bytes() == b"theirs"
    assert not (folder / "1.png").is_symlink()
    assert (folder / "1.png").read_bytes() == b"ours"


def test_a_link_under_the_name_itself_is_a_taken_name(way: str, tmp_path: Path) -> None:
    (tmp_path / "1.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileExistsError):
        write_whole(Place.of(f"{tmp_path}/1.png"), b"ours", overwrite=False)
    assert not (tmp_path / "nowhere").exists()


def test_an_unfinished_file_is_made_again_and_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole_file, "_write_unnamed", lambda target, content: False)
    real = Path.unlink

    def laid_again(path: Path, missing_ok: bool = False) -> None:
        real(path, missing_ok)
        if path.name.endswith(".part"):
            path.symlink_to(tmp_path / "theirs")

    monkeypatch.setattr(Path, "unlink", laid_again)
    with pytest.raises(FileExistsError):
        write_whole(Place.of(f"{tmp_path}/1.png"), b"ours", overwrite=True)
    assert not (tmp_path / "theirs").exists()


@pytest.mark.parametrize("protocol", ["memory", "odd"])
def test_other_file_systems_keep_the_same_rules(protocol: str) -> None:
    memory = pytest.importorskip("fsspec.implementations.memory")

    class Remote(memory.MemoryFileSystem):  # type: ignore[misc, name-defined]
        cachable = False
        store: dict[str, Any] = {}  # noqa: RUF012
        pseudo_dirs = [""]  # noqa: RUF012

    Remote.protocol = protocol
    filesystem = Remote()
    place = Place(filesystem, "/out/1.png", f"{protocol}://")
    write_whole(place, b"one", overwrite=False)
    with pytest.raises(FileExistsError):
        write_whole(place, b"two", overwrite=False)
    assert place.read() == b"one"
    write_whole(place, b"two", overwrite=True)
    assert place.read() == b"two"
    assert filesystem.ls("/out", detail=False) == ["/out/1.png"]
