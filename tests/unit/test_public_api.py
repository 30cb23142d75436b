# SPDX-License-Identifier: Apache-2.0
"""A breaking change cannot slip in: the stored description says what others rely on."""

from __future__ import annotations

import difflib

from airflow_provider_dreambooth.sensors.dreambooth import DreamboothFineTuneSensor
from tests import public_api


def test_it_is_what_the_stored_description_says() -> None:
    stored = public_api.STORED.read_text()
    found = public_api.as_text(public_api.describe())
    changes = "\n".join(
        line for line in difflib.unified_diff(stored.splitlines(), found.splitlines(), "stored", "found", n=2)
    )
    assert not changes, (
        "The public interface has changed. Removed or renamed (-): CONTRIBUTING.md says how that is done. Added (+): run "
        f"make public-api, and name it in CHANGELOG.md.\n{changes}"
    )


def test_a_changed_default_is_a_change() -> None:
    def before(*, seconds: float = 6 * 3600, name: str = "a") -> None: ...
    def after(*, seconds: float = 3600, name: str = "a") -> None: ...

    assert public_api.arguments(before) == ["*", "seconds=21600", 'name="a"']
    assert public_api.arguments(before) != public_api.arguments(after)


def test_every_xcom_that_is_pushed_is_found() -> None:
    assert {"training_id", "training"} <= set(public_api.pushed_xcoms())


def test_what_airflow_adds_is_left_out() -> None:
    described = public_api.describe_class(DreamboothFineTuneSensor)
    assert "training_id" in described["arguments"]
    assert "poke" in described["members"]
    assert "xcom_push" not in described["members"]
