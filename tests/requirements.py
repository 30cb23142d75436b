"""Parts that a test needs and a machine may lack: skipped for a user, a failure in CI."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.programs import MissingProgramError, program


@contextlib.contextmanager
def present() -> Iterator[None]:
    """Skip the test when what is started in the ``with`` block lacks a program; under CI that is a failure."""
    try:
        yield
    except MissingProgramError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))


def required(name: str, package: str) -> Path:
    """
    Path of a program.

    :param name: its name.
    :param package: the Debian package that brings it.
    """
    with present():
        return program(name, package)
    raise AssertionError("not reached: a missing program ends the test")
