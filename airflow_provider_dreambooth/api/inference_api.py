# SPDX-License-Identifier: Apache-2.0
"""
The two forms in which the service renders, answers for renderings, and reloads models (reference 3).

v4 is the form of 2023; no page has shown it since June 2025. v6 is today's. A server may know either or both.
"""

from __future__ import annotations

from enum import StrEnum


class InferenceApi(StrEnum):
    """One form of the calls."""

    V4 = "v4"
    V6 = "v6"

    @property
    def render_path(self) -> str:
        """Where a rendering is asked for."""
        return "/api/v6/images/text2img" if self is InferenceApi.V6 else "/api/v4/dreambooth"

    @property
    def fetch_path(self) -> str:
        """Where a rendering is asked about, with its id in the body."""
        return "/api/v6/images/fetch" if self is InferenceApi.V6 else "/api/v4/dreambooth/fetch"

    @property
    def reload_path(self) -> str:
        """Where a model is loaded again."""
        return "/api/v6/images/model_reload" if self is InferenceApi.V6 else "/api/v4/dreambooth/model_reload"

    @property
    def usual_steps(self) -> int:
        """Steps when the caller names none: the documented default of v4, and the most that v6 renders."""
        return 20 if self is InferenceApi.V6 else 31

    @classmethod
    def of_path(cls, path: str) -> InferenceApi:
        """
        Return the form that a path of the API belongs to. The paths of v3 are older names of those of v4.

        :param path: such as ``/api/v3/dreambooth/fetch/13``.
        """
        return cls.V6 if path.startswith("/api/v6/") else cls.V4

    @property
    def other(self) -> InferenceApi:
        """The other form."""
        return InferenceApi.V4 if self is InferenceApi.V6 else InferenceApi.V6


def order_of(setting: str, known: InferenceApi | None = None) -> tuple[InferenceApi, ...]:
    """
    Return the forms to use, each one where the server has no route for those before it.

    :param setting: the connection's ``inference_api``: ``auto``, ``v4`` or ``v6``.
    :param known: what this server answered to before, ``None`` when nothing is known. ``auto`` begins with it.
    """
    if setting != "auto":
        return (InferenceApi(setting),)
    first = known or InferenceApi.V6
    return (first, first.other)
