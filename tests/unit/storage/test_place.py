# SPDX-License-Identifier: Apache-2.0
"""What a text names: a place on the worker as Python's own library reads it, or one in object storage."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.storage.place import Place


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/data/out", "/data/out"),
        ("/data/../out", "/out"),
        ("/data/a#b?c%20d", "/data/a#b?c%20d"),
        ("file:///data/out", "/data/out"),
        ("file:/data/out", "/data/out"),
        ("FILE://localhost/data/out", "/data/out"),
        ("file:///data/a%20b%23", "/data/a b#"),
        ("file:///data/caf%C3%A9", "/data/café"),
    ],
)
def test_a_local_address_means_what_pathlib_says(text: str, path: str) -> None:
    place = Place.of(text)
    assert place.is_local
    assert place.path == path


def test_a_tilde_is_the_home_and_a_relative_path_is_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert Place.of("~/out").path == str(tmp_path / "home" / "out")
    assert Place.of("out").path == str(tmp_path / "out")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("file://server/share", "names the host 'server'"),
        ("file:data/out", "needs the whole path"),
        ("s3:/bucket/out", "without its //"),
        ("~no-such-user-here/out", "home"),
        ("/data/\0", "NUL"),
        ("file:///data/%00", "NUL"),
    ],
)
def test_an_address_that_names_nothing_here_is_refused(text: str, why: str) -> None:
    with pytest.raises(DreamboothValidationError, match=why) as caught:
        Place.of(text)
    assert "nothing was paid" in str(caught.value)


def test_a_file_uri_is_given_back_as_one(tmp_path: Path) -> None:
    place = Place.of((tmp_path / "a b").as_uri()) / "1.png"
    assert place.uri == (tmp_path / "a b" / "1.png").as_uri()
    assert Place.of(place.uri).path == str(tmp_path / "a b" / "1.png")
