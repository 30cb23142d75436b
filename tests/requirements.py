# SPDX-License-Identifier: Apache-2.0
"""Parts that a test needs and a machine may lack: skipped for a user, a failure in CI."""

from __future__ import annotations

import contextlib
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from dev.cluster.programs import MissingProgramError, program


def lacking(fix: str) -> NoReturn:
    """
    End the test for want of a part.

    :param fix: what is missing, and the command that brings it.
    """
    if os.environ.get("CI") == "true":
        pytest.fail(fix)
    pytest.skip(fix)


def required_modules(*names: str, group: str) -> None:
    """
    End the test unless all of these modules are installed.

    :param names: their full names.
    :param group: the dependency group of this project that brings them.
    """
    for name in names:
        try:
            found = importlib.util.find_spec(name)
        except ModuleNotFoundError:  # a package above it is missing
            found = None
        if found is None:
            lacking(f"{name} is missing; get it with: uv pip install --group {group}")


@contextlib.contextmanager
def present() -> Iterator[None]:
    """Skip the test when what is started in the ``with`` block lacks a program; under CI that is a failure."""
    try:
        yield
    except MissingProgramError as error:
        lacking(str(error))


def required(name: str, package: str) -> Path:
    """
    Path of a program.

    :param name: its name.
    :param package: the Debian package that brings it.
    """
    with present():
        return program(name, package)
    raise AssertionError("not reached: a missing program ends the test")
