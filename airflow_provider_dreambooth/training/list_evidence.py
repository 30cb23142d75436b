# SPDX-License-Identifier: Apache-2.0
"""Whether an account's list of models shows trainings while they are running: learnt, not believed.

No page of the service says it. If the list showed a training only when its model is ready, *no new model* would be no
proof that a lost request was not accepted. So it is looked up once while a training with a known id is running, and
kept with the account for some weeks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api.stages import Outcome
from airflow_provider_dreambooth.exceptions import DreamboothError
from airflow_provider_dreambooth.training.decision import SETTLE_AFTER
from airflow_provider_dreambooth.training.record import Record, as_text

if TYPE_CHECKING:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.training.registry import Variables

PREFIX = "dreambooth_list"
#: Seconds after which it is looked up again.
RENEWED_AFTER = 28 * 24 * 3600.0


class ListEvidence:
    """
    What is known of one account's list.

    :param variables: Airflow's Variables.
    :param account: the account, as in the record.
    """

    def __init__(self, variables: Variables, account: str) -> None:
        self._variables = variables
        self._account = account
        self._key = f"{PREFIX}.{hashlib.sha256(account.encode()).hexdigest()[:8]}"

    def _read(self) -> dict[str, Any]:
        try:
            value = json.loads(self._variables.get(self._key, None))
        except (DreamboothError, TypeError, ValueError):
            # Unknown is the careful answer: without evidence nothing is paid again by itself.
            return {}
        return value if isinstance(value, dict) else {}

    def shows_running(self) -> bool | None:
        """Return whether the list shows running trainings, ``None`` when that was never seen."""
        shown = self._read().get("shows_running")
        return shown if isinstance(shown, bool) else None

    def is_due(self, now: float) -> bool:
        """Return whether it is time to look it up: never done, or weeks ago."""
        value = self._read()
        at = value.get("at")
        if not isinstance(value.get("shows_running"), bool) or not isinstance(at, (int, float)):
            return True
        return not 0 <= now - at < RENEWED_AFTER

    def keep(self, *, shows_running: bool, now: float) -> None:
        """
        Keep what was seen.

        :raises DreamboothTransientError: Airflow did not answer.
        """
        value = {
            "shows_running": shows_running,
            "at": int(now),
            "account": self._account,
            "seen": as_text(now),
        }
        self._variables.set(
            self._key,
            json.dumps(value),
            description="Whether the account's list of models shows trainings that are still running",
        )


def learn(
    hook: DreamboothHook,
    evidence: ListEvidence,
    record: Record,
    *,
    log: Any,
    clock: Callable[[], float],
    sleep: Callable[[float], None],
) -> None:
    """
    Look up whether the list shows a training that was just accepted. Free; at most 30 s, once in weeks for an account.

    :param record: of a training whose id is known. Nothing that goes wrong here is an error of its.
    """
    if record.training_id is None or record.adopted or not evidence.is_due(clock()):
        return
    try:
        for last in (False, True):
            if last:
                sleep(max(0.0, record.intent_at + SETTLE_AFTER - clock()))
            shown = any(model.model_id == record.training_id for model in hook.list_models())
            if hook.fine_tune_status(record.training_id).outcome is not Outcome.RUNNING:
                return
            if shown or last:
                evidence.keep(shows_running=shown, now=clock())
                return
    except DreamboothError as error:
        log.info("Whether the account's list shows running trainings could not be looked up: %s", error)
