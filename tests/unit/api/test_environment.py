# SPDX-License-Identifier: Apache-2.0
"""Where the two environments send a training call, and what they lack."""

from __future__ import annotations

from airflow_provider_dreambooth.api.environment import Environment, training_path


def test_the_sandbox_has_a_prefix_of_its_own() -> None:
    assert training_path(Environment.SANDBOX, "fine_tune") == "/api/sandbox/v3/fine_tune"
    assert training_path(Environment.PRODUCTION, "fine_tune") == "/api/v3/fine_tune"


def test_only_production_cancels_and_lists() -> None:
    assert Environment.PRODUCTION.has_cancel
    assert Environment.PRODUCTION.has_model_list
    assert not Environment.SANDBOX.has_cancel
    assert not Environment.SANDBOX.has_model_list


def test_an_environment_is_its_name() -> None:
    assert Environment("sandbox") is Environment.SANDBOX
    assert str(Environment.PRODUCTION) == "production"
