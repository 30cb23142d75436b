# SPDX-License-Identifier: Apache-2.0
"""One virtual environment for each version, made once and again when its dependencies change."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dev.matrix.versions import EXTRAS, PROJECT, MatrixVersion

UV = Path(sys.executable).with_name("uv")


def _uv(*arguments: str | Path) -> None:
    subprocess.run([UV, *arguments], cwd=PROJECT, check=True)


def _stamp(version: MatrixVersion) -> str:
    digest = hashlib.sha256((PROJECT / "pyproject.toml").read_bytes())
    digest.update(version.constraints.read_bytes())
    return digest.hexdigest()


def _interpreter(python: str) -> str:
    """Return what uv finds that Python by: pyenv's are in no place where uv looks, unless they are switched on."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    return str(next(pyenv.glob(f"versions/{python}.*/bin/python"), python))


def prepare(version: MatrixVersion) -> None:
    """Make a version's environment unless it is there and up to date."""
    stamp = version.folder / ".installed"
    if stamp.is_file() and stamp.read_text() == _stamp(version):
        return
    _uv("venv", "--quiet", "--clear", "--python", _interpreter(version.python), version.folder)
    constraints = ("--constraint", version.constraints)
    _uv(
        "pip",
        "install",
        "--quiet",
        "--python",
        version.interpreter,
        *constraints,
        *(word for group in version.groups for word in ("--group", group)),
        "--editable",
        f".[{','.join(EXTRAS)}]",
    )
    stamp.write_text(_stamp(version))


def resolve(version: MatrixVersion) -> None:
    """
    Renew a version's constraints file.

    The days of :attr:`MatrixVersion.exclude_newer` need a package index that tells upload times.
    """
    options = [word for extra in EXTRAS for word in ("--extra", extra)]
    options += [word for group in version.groups for word in ("--group", group)]
    if version.exclude_newer is not None:
        options += ["--exclude-newer", version.exclude_newer]
    for package in version.exclude_newer_package:
        options += ["--exclude-newer-package", package]
    if version.lowest:
        options += ["--resolution", "lowest-direct"]
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text("\n".join(version.pins) + "\n")
        # Into an empty file: what stands in the old one would be kept.
        resolved = Path(folder) / "resolved.txt"
        _compile([*options, "--constraint", str(pins), "--output-file", str(resolved)])
        version.constraints.write_text(resolved.read_text())


def _compile(options: Sequence[str]) -> None:
    plain = ("--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links", "--quiet")
    _uv(
        "pip",
        "compile",
        "pyproject.toml",
        "--python-version",
        "3.11",
        *plain,
        *options,
    )
