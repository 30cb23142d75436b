"""Parts that a test needs and a machine may lack: skipped for a user, a failure in CI."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def required(program: str, package: str) -> Path:
    """
    Path of a program.

    :param program: its name.
    :param package: the Debian package that brings it.
    """
    found = shutil.which(program)
    if found is not None:
        return Path(found)
    mend = f"{program} is missing; get it with: sudo apt-get install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(mend)
    pytest.skip(mend)
