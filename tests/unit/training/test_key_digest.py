# SPDX-License-Identifier: Apache-2.0
"""Whether two requests were sent with the same key, without a trace of the key."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.training.key_digest import digest_of, is_of

KEY = ConnectionSettings("key-of-this-account")


def test_a_digest_is_recognised_by_its_key_alone() -> None:
    digest = digest_of(KEY)
    assert is_of(digest, KEY)
    assert not is_of(digest, ConnectionSettings("key-of-another-account"))


def test_two_digests_of_one_key_look_different() -> None:
    assert digest_of(KEY) != digest_of(KEY)
    assert KEY.api_key not in digest_of(KEY)


@pytest.mark.parametrize("nothing", [None, "", "salt", "salt:", ":", "s\u00e4lt:\u00fc"])
def test_what_is_no_digest_belongs_to_no_key(nothing: str | None) -> None:
    assert not is_of(nothing, KEY)
