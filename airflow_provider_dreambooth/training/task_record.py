# SPDX-License-Identifier: Apache-2.0
"""The record of the running task instance, kept where Airflow keeps it (see :mod:`..compat`)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api.fine_tune_rules import FEWEST_IMAGES
from airflow_provider_dreambooth.images.record import forget
from airflow_provider_dreambooth.images.supply import ImageSupply
from airflow_provider_dreambooth.runtime import compat, variables
from airflow_provider_dreambooth.runtime.state_store import state_store
from airflow_provider_dreambooth.training.list_evidence import ListEvidence
from airflow_provider_dreambooth.training.record import RECORD_KEY, Record, same
from airflow_provider_dreambooth.training.registry import Registry

if TYPE_CHECKING:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook


class TaskRecord:
    """
    What one task instance knows of its training, over all its tries.

    :param context: the task's context.
    """

    def __init__(self, context: Any) -> None:
        self._store = state_store(context)
        self.task_instance = context["ti"]
        self.max_tries = compat.max_tries(context)
        self.try_number: int | None = self.task_instance.try_number

    def load(self) -> Record | None:
        """
        Return the record that earlier tries left.

        :raises DreamboothValidationError: there is one and it cannot be read.
        :raises DreamboothTransientError: Airflow did not answer. That is never taken for no record.
        """
        return Record.from_json(self._store.get(RECORD_KEY))

    def save(self, record: Record) -> None:
        """
        Write the record; it is durable when this returns.

        :raises DreamboothTransientError: Airflow did not answer. Whether it was written is then not known.
        """
        self._store.set(RECORD_KEY, record.to_json())

    def end(self, before: Record, record: Record) -> None:
        """
        Write how the training ended, unless the record has changed: another try of the task may have gone on without this one.

        :param before: the record that this is to replace.
        """
        if same(self.load(), before):
            self.save(record)

    def finish(self, before: Record, record: Record) -> None:
        """Write that the task has what it wanted, or clear up where entries would pile up; as :meth:`end`."""
        if self._store.keeps_ended:
            self.end(before, record)
        elif same(self.load(), before):
            self._store.delete(RECORD_KEY)
            forget(self._store)

    def images(self, hook: DreamboothHook, log: Any) -> ImageSupply:
        """
        Return the way from the task's images to links; what it uploads is kept beside the record.

        :param hook: the hook of the task's connection.
        :param log: Airflow's task log.
        """
        return ImageSupply(
            hook=hook,
            store=self._store,
            log=log,
            clock=time.time,
            fewest=FEWEST_IMAGES,
            too_few=", better 7 or 8: with fewer the service fails the training after it is paid",
        )

    def announce(self, training_id: str) -> None:
        """Push XCom ``training_id``."""
        self.task_instance.xcom_push(key="training_id", value=training_id)

    def registry(self, account: str, connection: str) -> Registry | None:
        """
        Return the account's registry of submissions, ``None`` where Variables cannot be listed.

        :param account: the account, as in the record.
        :param connection: id of the task's connection.
        """
        if not compat.CAN_LIST_VARIABLES:
            return None
        instance = self.task_instance
        index = "" if instance.map_index is None or instance.map_index < 0 else f"[{instance.map_index}]"
        owner = f"{instance.dag_id} / {instance.run_id} / {instance.task_id}{index}"
        return Registry(variables.accessor(), account=account, owner=owner, connection=connection)

    def list_evidence(self, account: str) -> ListEvidence:
        """
        Return what is known of the account's list of models.

        :param account: the account, as in the record.
        """
        return ListEvidence(variables.accessor(), account)
