# SPDX-License-Identifier: Apache-2.0
"""What every operator and the sensor share: the hook of their connection, and errors in the form that Airflow acts on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from airflow_provider_dreambooth.exceptions import DreamboothError
from airflow_provider_dreambooth.masking import secrets_in
from airflow_provider_dreambooth.runtime import compat
from airflow_provider_dreambooth.runtime.deferral import Deferral
from airflow_provider_dreambooth.runtime.errors import for_airflow

if TYPE_CHECKING:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook

Result = TypeVar("Result")


class ConnectedTask:
    """Base of the sensor and, by :class:`ServiceTask`, of the operators, beside Airflow's own."""

    dreambooth_conn_id: str
    #: Which interface of the service the hook asks about trainings.
    _training_api: ClassVar[str] = "v3"

    @cached_property
    def hook(self) -> DreamboothHook:
        """The hook of the task's connection."""
        from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook

        return DreamboothHook(self.dreambooth_conn_id, self._training_api)

    def _returned(self, result: Result | Deferral) -> Result:
        """
        Return what a flow has returned, or leave the worker if that is what it returned.

        :param result: the task's result, or a wait to be spent off the worker.
        """
        if not isinstance(result, Deferral):
            return result
        from airflow_provider_dreambooth.triggers.awaited import trigger_of

        this: Any = self
        this.defer(
            trigger=trigger_of(result, self.dreambooth_conn_id),
            method_name=result.method,
            kwargs=result.kwargs,
            timeout=result.timeout,
        )
        raise AssertionError("defer() does not return")

    def _do_render_template_fields(self, parent: Any, *args: Any, **kwargs: Any) -> None:
        """
        Render, and let Airflow hide the body fields that are somebody's secret, such as ``wandb_key``.

        The one step that tasks and mapped tasks share; Airflow stores what was rendered right after it.
        """
        super()._do_render_template_fields(parent, *args, **kwargs)  # type: ignore[misc]
        if parent is self:
            for secret in secrets_in(getattr(self, "parameters", None)):
                compat.mask_secret(secret)


class ServiceTask(ConnectedTask):
    """Base of the operators."""

    @contextmanager
    def errors_for_airflow(self) -> Iterator[None]:
        """Let a permanent error end the task without a retry."""
        try:
            yield
        except DreamboothError as error:
            raise for_airflow(error) from error.__cause__
