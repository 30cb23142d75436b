# SPDX-License-Identifier: Apache-2.0
"""Which Airflow a test runs on, for behaviour that not every version has."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from packaging.version import Version

AIRFLOW = Version(Version(version("apache-airflow")).base_version)


def since_airflow(first: str, reason: str) -> pytest.MarkDecorator:
    """
    Skip a test below a version.

    :param first: the first version that behaves as the test says, such as ``3.3``.
    :param reason: what older versions lack; a row of docs/compatibility.md says what that means for users.
    """
    return pytest.mark.skipif(Version(first) > AIRFLOW, reason=f"Airflow {first} and newer: {reason}")


def before_airflow(first: str, reason: str) -> pytest.MarkDecorator:
    """
    Skip a test from a version on.

    :param first: the first version that behaves otherwise.
    :param reason: what is different since then.
    """
    return pytest.mark.skipif(Version(first) <= AIRFLOW, reason=f"Airflow below {first}: {reason}")
