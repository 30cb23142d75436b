# SPDX-License-Identifier: Apache-2.0
"""Which trigger waits for what: the door between a flow, which knows no trigger, and Airflow's triggerer."""

from __future__ import annotations

from airflow.triggers.base import BaseTrigger

from airflow_provider_dreambooth.runtime.deferral import Deferral
from airflow_provider_dreambooth.triggers.dreambooth import DreamboothFineTuneTrigger
from airflow_provider_dreambooth.triggers.text_to_image import DreamboothTextToImageTrigger
from airflow_provider_dreambooth.triggers.turn import DreamboothTurnTrigger


def trigger_of(deferral: Deferral, dreambooth_conn_id: str) -> BaseTrigger:
    """
    Return the trigger that a deferral asks for.

    :param deferral: what a flow has returned.
    :param dreambooth_conn_id: the task's connection.
    """
    if deferral.awaits == "training":
        return DreamboothFineTuneTrigger(dreambooth_conn_id=dreambooth_conn_id, **deferral.trigger)
    if deferral.awaits == "images":
        return DreamboothTextToImageTrigger(dreambooth_conn_id=dreambooth_conn_id, **deferral.trigger)
    return DreamboothTurnTrigger(**deferral.trigger)
