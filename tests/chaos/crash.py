# SPDX-License-Identifier: Apache-2.0
"""
Dies at a named place, once, as a worker does that loses its power: SIGKILL, no clean-up.

Only the test's DAG file arms it, in the process of one task, by wrapping functions of the provider and of
Airflow there. The provider's own files know nothing of it.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: Seconds into a request or a wait at which to die.
MEANWHILE = 1.0


class Trap:
    """
    One place at which a task dies once.

    :param place: its name; ``error:`` before it raises an ordinary error instead, ``worker:`` kills the task's
        supervisor and the executor's process with it, ``freeze:`` stops both until somebody lets them go on.
    :param flag: file that remembers that it has happened; of a frozen worker it names the processes.
    """

    def __init__(self, place: str, flag: Path) -> None:
        kind, _, name = place.rpartition(":")
        self.kind, self.name, self.flag = kind, name, flag

    def spring(self, *_: Any, **__: Any) -> None:
        """Die, unless that has happened before."""
        try:
            self.flag.touch(exist_ok=False)
        except FileExistsError:
            return
        if self.kind == "freeze":
            self.flag.write_text(f"{os.getpid()} {os.getppid()}")
            # The supervisor first: it would go on sending heartbeats.
            os.kill(os.getppid(), signal.SIGSTOP)
            os.kill(os.getpid(), signal.SIGSTOP)
            return
        if self.kind == "error":
            raise RuntimeError(f"ordinary failure for the test: {self.name}")
        if self.kind == "worker":
            os.kill(os.getppid(), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    def spring_soon(self, *_: Any, **__: Any) -> None:
        """Die in a moment, in the middle of what comes now."""
        if not self.flag.exists():
            threading.Timer(MEANWHILE, self.spring).start()


def _wrap(
    owner: Any,
    name: str,
    *,
    before: Callable[..., None] | None = None,
    after: Callable[..., None] | None = None,
) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        if before is not None:
            before(*arguments, **named)
        result = original(*arguments, **named)
        if after is not None:
            after(*arguments, **named)
        return result

    setattr(owner, name, wrapped)


def _on_save(trap: Trap, wanted: Callable[[Any], bool]) -> Callable[..., None]:
    def check(_: Any, record: Any) -> None:
        if wanted(record):
            trap.spring()

    return check


def _is_intent(record: Any) -> bool:
    return record.training_id is None and record.ending is None


def _has_id(record: Any) -> bool:
    return record.training_id is not None


def _fail_to_write(trap: Trap, kept_from: Callable[[Any], bool]) -> None:
    """Let the task's state refuse a record for as long as this process lives."""
    from airflow_provider_dreambooth.exceptions import DreamboothTransientError
    from airflow_provider_dreambooth.training.task_record import TaskRecord

    def refuse(_: Any, record: Any) -> None:
        if not kept_from(record):
            return
        # Of this try alone: another one finds the mark of this process's predecessor.
        if not trap.flag.exists() or trap.flag.read_text() == str(os.getpid()):
            trap.flag.write_text(str(os.getpid()))
            raise DreamboothTransientError("the task's state is not available (for the test)")

    _wrap(TaskRecord, "save", before=refuse)


def _on_message(trap: Trap, kind: str, key: str | None = None, *, answered: bool = False) -> None:
    """Die when a message to the supervisor is sent and its answer not yet read, or right after it."""
    from airflow.sdk.execution_time.comms import CommsDecoder

    original = CommsDecoder.send

    def send(self: Any, msg: Any) -> Any:
        if type(msg).__name__ != kind or (key is not None and getattr(msg, "key", None) != key):
            return original(self, msg)
        if answered:
            result = original(self, msg)
            trap.spring()
            return result
        if not trap.flag.exists():
            self.socket.sendall(self._make_frame(msg).as_bytes())
            time.sleep(MEANWHILE)
            trap.spring()
        return original(self, msg)

    CommsDecoder.send = send  # type: ignore[method-assign]


def _places() -> dict[str, Callable[[Trap], None]]:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.operators.training import TrainingOperator
    from airflow_provider_dreambooth.rendering.record import RenderingStore
    from airflow_provider_dreambooth.training import cancellation, polling
    from airflow_provider_dreambooth.training.registry import Registry
    from airflow_provider_dreambooth.training.submission import Submission
    from airflow_provider_dreambooth.training.task_record import TaskRecord

    return {
        "before the intent": lambda trap: _wrap(TaskRecord, "save", before=_on_save(trap, _is_intent)),
        "after the intent": lambda trap: _wrap(TaskRecord, "save", after=_on_save(trap, _is_intent)),
        "state not written with the id": lambda trap: _fail_to_write(trap, _has_id),
        "after recording the rendering": lambda trap: _wrap(RenderingStore, "save", after=trap.spring),
        "after the registry entry": lambda trap: _wrap(Registry, "announce", after=trap.spring),
        "request under way": lambda trap: _wrap(DreamboothHook, "fine_tune", before=trap.spring_soon),
        "after the answer": lambda trap: _wrap(DreamboothHook, "fine_tune", after=trap.spring),
        "after recording the id": lambda trap: _wrap(TaskRecord, "save", after=_on_save(trap, _has_id)),
        "while pushing XCom": lambda trap: _on_message(trap, "SetXCom", "training_id"),
        "after XCom": lambda trap: _wrap(TaskRecord, "announce", after=trap.spring),
        "after claiming": lambda trap: _wrap(Registry, "claim", after=trap.spring),
        "before settling": lambda trap: _wrap(Submission, "_ask_models", before=trap.spring),
        "after the list": lambda trap: _wrap(Submission, "_ask_models", after=trap.spring),
        "before adopting": lambda trap: _wrap(Submission, "_adopt", before=trap.spring),
        "after adopting": lambda trap: _wrap(Submission, "_adopt", after=trap.spring),
        "before deferral": lambda trap: _wrap(TrainingOperator, "defer", before=trap.spring),
        "deferral sent": lambda trap: _on_message(trap, "DeferTask"),
        "deferral answered": lambda trap: _on_message(trap, "DeferTask", answered=True),
        "at resume": lambda trap: _wrap(TrainingOperator, "execute_complete", before=trap.spring),
        "before recording the end": lambda trap: _wrap(TaskRecord, "finish", before=trap.spring),
        "after recording the end": lambda trap: _wrap(TaskRecord, "finish", after=trap.spring),
        "while returning": lambda trap: _on_message(trap, "SetXCom", "return_value"),
        "success sent": lambda trap: _on_message(trap, "SucceedTask"),
        "while waiting": lambda trap: _wrap(polling, "wait", before=trap.spring_soon),
        "while asking": lambda trap: _wrap(DreamboothHook, "fine_tune_status", before=trap.spring),
        "after cancelling the old one": lambda trap: _wrap(cancellation, "cancel", after=trap.spring),
    }


def _let_the_list_be_known(context: Any) -> None:
    """Each point has an account of its own, in which no training has shown yet what the list is worth."""
    from airflow_provider_dreambooth.api.fingerprint import account_of
    from airflow_provider_dreambooth.runtime import variables
    from airflow_provider_dreambooth.training.list_evidence import ListEvidence

    settings = context["task"].hook.settings
    account = account_of(settings.base_url, settings.environment)
    ListEvidence(variables.accessor(), account).keep(shows_running=True, now=time.time())


def arm(context: Any, *, crashes: tuple[str, ...], settle: float) -> None:
    """
    Set the traps of a point in this process.

    :param context: the task's context.
    :param crashes: the places.
    :param settle: seconds after which a lost answer is settled.
    """
    from airflow_provider_dreambooth.training import bookkeeping, decision, list_evidence, paid_request

    for module in (decision, paid_request, list_evidence):
        module.SETTLE_AFTER = settle  # type: ignore[attr-defined]
    # Minutes of patience with Airflow's state make a run long.
    bookkeeping.STORED_WITHIN = 5.0
    _let_the_list_be_known(context)
    instance, places = context["ti"], _places()
    folder = Path(os.environ["CHAOS_FLAGS"])
    for place in crashes:
        # Once for a repetition, not for each DAG run in it.
        repetition = instance.run_id.rpartition("-")[0]
        name = f"{instance.dag_id}.{repetition}.{instance.map_index}.{place.replace(':', '-')}"
        trap = Trap(place, folder / name)
        places[trap.name](trap)
