# SPDX-License-Identifier: Apache-2.0
"""Building wheel and source archive: the same commit gives the same bytes, wherever and whenever."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=PROJECT, capture_output=True, check=True).stdout


def head() -> str:
    """Return the present commit; whoever builds twice asks once, since somebody may commit in between."""
    return _git("rev-parse", "HEAD").decode().strip()


def commit_time(commit: str) -> int:
    """Return when a commit was made, epoch seconds: the time that all files in the archives get."""
    return int(_git("log", "-1", "--format=%ct", commit))


def committed(commit: str, path: str) -> bytes:
    """Return a file as it is committed."""
    return _git("show", f"{commit}:{path}")


def committed_names(commit: str, folder: str) -> list[str]:
    """Return the names of the committed files in a folder."""
    return _git("ls-tree", "-r", "--name-only", commit, folder).decode().splitlines()


def build(target: Path, commit: str) -> list[Path]:
    """
    Build what is committed, and nothing else, into a folder.

    :param target: where wheel and source archive go.
    :param commit: what to build.
    :return: the wheel and the source archive.
    """
    epoch = commit_time(commit)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(_git("archive", commit))) as files:
            files.extractall(folder, filter="data")
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(target), folder]
        environment = os.environ | {"SOURCE_DATE_EPOCH": str(epoch), "PYTHONHASHSEED": "0"}
        built = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if built.returncode != 0:
            raise RuntimeError(f"The build failed:\n{built.stdout}\n{built.stderr}")
    (wheel,) = target.glob("*.whl")
    (source,) = target.glob("*.tar.gz")
    normalise(source, epoch)
    return [wheel, source]


def normalise(source: Path, epoch: int) -> None:
    """
    Write a source archive again, without what differs between two builds; setuptools knows no switch for that.

    :param source: the archive, which is replaced.
    :param epoch: the time of every member.
    """
    plain = io.BytesIO()
    with (
        tarfile.open(source) as old,
        tarfile.open(fileobj=plain, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            clean = tarfile.TarInfo(member.name)
            clean.type, clean.size, clean.mtime = member.type, member.size, epoch
            clean.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            new.addfile(clean, old.extractfile(member) if member.isfile() else None)
    with (
        source.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=epoch) as packed,
    ):
        packed.write(plain.getvalue())
