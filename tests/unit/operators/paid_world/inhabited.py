# SPDX-License-Identifier: Apache-2.0
"""The operator, put into the world."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from unittest import mock

from airflow_provider_dreambooth.images import reading
from airflow_provider_dreambooth.images.links import LinkCheck
from airflow_provider_dreambooth.operators import training as training_operator
from airflow_provider_dreambooth.operators.fine_tune import DreamboothFineTuneOperator
from airflow_provider_dreambooth.runtime import variables
from airflow_provider_dreambooth.training import key_digest
from tests.unit.operators.paid_world.world import World


@contextlib.contextmanager
def inhabited(world: World, *, silent: bool = False) -> Iterator[World]:
    """Put the operator into the world: its clock and Airflow's Variables.

    :param silent: without the task's log, whose writing takes most of the time.
    """
    nothing = logging.getLogger("dreambooth.silent")
    nothing.setLevel(logging.CRITICAL + 1)
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(training_operator, "time", world))
        # The digest is slow on purpose.
        stack.enter_context(mock.patch.object(key_digest, "ROUNDS", 1))
        # No image is looked at: there is no network in this world.
        stack.enter_context(
            mock.patch.object(reading, "check_links", lambda links, **_: [LinkCheck() for _ in links])
        )
        stack.enter_context(mock.patch.object(reading, "may_be_private", return_value=False))
        stack.enter_context(mock.patch.object(variables, "accessor", return_value=world.variables))
        if silent:
            stack.enter_context(mock.patch.object(DreamboothFineTuneOperator, "log", nothing))
        yield world
