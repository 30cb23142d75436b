# SPDX-License-Identifier: Apache-2.0
"""Programs that come from the system's packages rather than from Python's."""

from __future__ import annotations

import shutil
from pathlib import Path


class MissingProgramError(RuntimeError):
    """
    A program that is not installed.

    :param program: its name.
    :param package: the Debian package that brings it.
    """

    def __init__(self, program: str, package: str) -> None:
        super().__init__(f"{program} is missing; get it with: sudo apt-get install {package}")
        self.program = program
        self.package = package


def program(name: str, package: str) -> Path:
    """
    Return the path of a program.

    :param name: its name.
    :param package: the Debian package that brings it.
    :raises MissingProgramError: it is not installed.
    """
    found = shutil.which(name)
    if found is None:
        raise MissingProgramError(name, package)
    return Path(found)


def postgresql_program(name: str) -> Path:
    """
    Return the path of a program of the newest PostgreSQL; Debian keeps them off the path, one folder a version.

    :param name: such as ``initdb``.
    :raises MissingProgramError: no PostgreSQL server is installed.
    """
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    return found[-1] if found else program(name, "postgresql")
