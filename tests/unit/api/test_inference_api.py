# SPDX-License-Identifier: Apache-2.0
"""The two forms of rendering, and in which order they are used."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.api.inference_api import InferenceApi, order_of

V4, V6 = InferenceApi.V4, InferenceApi.V6


@pytest.mark.parametrize(
    ("setting", "known", "order"),
    [
        ("auto", None, (V6, V4)),
        ("auto", V4, (V4, V6)),
        ("auto", V6, (V6, V4)),
        ("v4", None, (V4,)),
        ("v4", V6, (V4,)),
        ("v6", V4, (V6,)),
    ],
)
def test_auto_takes_todays_form_or_the_one_that_answered_and_a_setting_is_obeyed(
    setting: str, known: InferenceApi | None, order: tuple[InferenceApi, ...]
) -> None:
    assert order_of(setting, known) == order


@pytest.mark.parametrize(
    ("path", "api"),
    [
        ("/api/v3/dreambooth/fetch/13", V4),
        ("/api/v4/dreambooth/fetch", V4),
        ("/api/v6/images/fetch/13", V6),
    ],
)
def test_a_path_tells_its_form(path: str, api: InferenceApi) -> None:
    assert InferenceApi.of_path(path) is api
