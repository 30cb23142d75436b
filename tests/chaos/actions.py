# SPDX-License-Identifier: Apache-2.0
"""What users and machines do to a point while it runs. Each ends when the tasks have ended."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

from dev.demo.ports import HOST, free_port
from tests.chaos.run import Run

#: Seconds in which a late, wrong cancel would have come: Airflow calls ``on_kill`` a moment after the event.
LATE = 6.0
#: After so many tries it is no lapse of Airflow's any more.
MOST_CLEARS = 4


def watch(run: Run) -> None:
    """Nothing but wait."""
    run.wait_for_end()


def ready_when_waiting(run: Run) -> None:
    """The training becomes ready once the task waits for it."""
    run.wait_until_waiting()
    run.force("ready")
    run.wait_for_end()


def ready_when_all_are_paid(run: Run) -> None:
    """All trainings become ready once the last one has been accepted."""
    run.wait_for_trainings(run.point.tasks)
    for number in range(run.point.tasks):
        run.force("ready", number)
    run.wait_for_end()


def lost_then_list_back(run: Run) -> None:
    """The list of models is not available when it is needed, and comes back."""
    run.wait("was asked in vain", lambda: any(task.state == "up_for_retry" for task in run.tasks()))
    run.fix()
    run.wait_for_end()


def then_a_lost_answer(run: Run) -> None:
    """After this task has crashed and ended, another task of the account loses its answer."""
    run.wait_for_end()
    run.spoil({"endpoint": "create", "kind": "cut", "when": "after", "times": 1})
    run.trigger()
    run.wait_for_end()


def hand_over(run: Run) -> None:
    """A person finds the lost training at the service and writes its id into the record."""
    run.wait_for_end()
    run.edit_record(training_id=run.trainings()[0]["training_id"])
    run.clear()
    run.wait_for_end()


def delete_the_entry(run: Run) -> None:
    """A person deletes the record to force a new training."""
    run.wait_for_end()
    run.delete_record()
    run.clear()
    run.wait_for_end()


def refused_then_fixed(run: Run) -> None:
    """Nobody listens at first."""
    run.wait("was tried in vain", lambda: any(task.state == "up_for_retry" for task in run.tasks()))
    run.connect()
    run.wait_for_end()


unknown_host_then_fixed = refused_then_fixed

#: Where the connection leads at first.
ASTRAY: dict[str, Callable[[], dict[str, Any]]] = {
    "refused_then_fixed": lambda: {"host": f"http://{HOST}", "port": free_port()},
    "unknown_host_then_fixed": lambda: {"host": "http://no-such-host.invalid", "port": 80},
}


def training_fails(run: Run) -> None:
    """The first training fails at the service, the second becomes ready."""
    run.wait_until_waiting()
    run.force("fail", reason="Training Failed:  CUDA out of memory")
    run.wait_for_trainings(2)
    run.force("ready")
    run.wait_for_end()


def training_fails_permanently(run: Run) -> None:
    """The service finds fault with the images."""
    run.wait_until_waiting()
    run.force("fail", reason="Training Failed:  Valid image links less than 3")
    run.wait_for_end()


def cancelled_elsewhere(run: Run) -> None:
    """Somebody cancels the training on the service's web page."""
    run.wait_until_waiting()
    run.force("cancel")
    run.wait_for_end()


def clear_waiting(run: Run) -> None:
    """A user clears the task while it waits."""
    run.wait_until_waiting()
    before = _clear(run)
    run.wait_until_waiting(after_try=before, trainings=run.point.paid)
    time.sleep(LATE)
    run.force("ready")
    run.wait_for_end()


def _clear(run: Run) -> int:
    """
    Press Clear; again if Airflow lets it pass for a retry, and give the number of the try that was cleared.

    Airflow 3.3.2 now and then forgets to raise ``max_tries`` when a task is cleared that runs on a worker, and
    nothing else tells a clear from a retry.
    """
    while True:
        before = run.task()
        run.clear()
        run.wait("the next try", functools.partial(_is_in_a_later_try, run, before.try_number))
        if run.task().max_tries != before.max_tries or run.task().try_number > MOST_CLEARS:
            return before.try_number
        run.wait_until_waiting(after_try=before.try_number)


def _is_in_a_later_try(run: Run, number: int) -> bool:
    return run.task().try_number > number and run.task().state in ("running", "deferred")


def clear_done(run: Run) -> None:
    """A user clears the task after its end."""
    run.wait_for_end()
    run.clear()
    run.wait_for_end()


def change_and_clear(run: Run) -> None:
    """The inputs change while the task waits, and a user clears it."""
    run.wait_until_waiting()
    before = run.task().try_number
    run.set_subject("wolf")
    run.clear()
    run.wait_until_waiting(after_try=before, trainings=2)
    run.force("ready")
    run.wait_for_end()


def change_refuse_and_take_back(run: Run) -> None:
    """The inputs change, the service refuses the new training, and the edit is taken back."""
    run.wait_until_waiting()
    run.set_subject("wolf")
    run.spoil({"endpoint": "create", "kind": "no_credits", "when": "before"})
    run.clear()
    run.wait_for_log("is left as it was")
    run.wait_for_end()
    run.set_subject("fox")
    run.fix()
    before = run.task().try_number
    run.clear()
    run.wait_until_waiting(after_try=before)
    run.force("ready")
    run.wait_for_end()


def change_with_a_full_queue(run: Run) -> None:
    """The inputs change while the account's queue is full: the earlier training is left alone until there is a place."""
    run.wait_until_waiting()
    run.set_subject("wolf")
    run.spoil({"endpoint": "create", "kind": "rate_limit_429", "when": "before", "times": 2, "seconds": 12.0})
    before = run.task().try_number
    run.clear()
    run.wait_for_log("queue at the service is full")
    if run.trainings()[0]["cancelled"]:
        run.notes.append("the earlier training was cancelled before the new one was accepted")
    run.wait_until_waiting(after_try=before, trainings=2)
    run.force("ready")
    run.wait_for_end()


def move_then_retry(run: Run) -> None:
    """The connection gets another name of the same service while the task waits; its next try is a retry."""
    run.wait_until_waiting()
    run.connect(host="http://localhost")
    run.force("ready")
    run.wait_for_end()


def move_and_clear(run: Run) -> None:
    """The connection gets another name of the same service, and a user clears the task."""
    run.wait_until_waiting()
    run.connect(host="http://localhost")
    before = _clear(run)
    run.wait_until_waiting(after_try=before)
    run.force("ready")
    run.wait_for_end()


def fail_fast(run: Run) -> None:
    """Another task of the DAG fails, and Airflow fails this one; later a user wants it after all."""
    run.wait_until_waiting()
    run.fail_the_other_task()
    run.wait_for_end()
    time.sleep(LATE)
    _clear(run)
    run.wait_until_waiting(after_try=1)
    run.force("ready")
    run.wait_for_end()


def frozen_while_waiting(run: Run) -> None:
    """The worker stands still until Airflow has given the task up on its last try, then it wakes."""
    run.wait("is given up", lambda: bool(run.frozen()) and run.task().state == "failed")
    run.thaw()
    time.sleep(LATE)
    before = run.task().try_number
    run.clear()
    run.wait_until_waiting(after_try=before)
    run.force("ready")
    run.wait_for_end()


def frozen_before_the_request(run: Run) -> None:
    """The worker stands still between intent and request; it wakes when a retry has paid and waits."""
    run.wait("is frozen", lambda: bool(run.frozen()))
    run.wait_until_waiting(after_try=1)
    run.thaw()
    time.sleep(2 * LATE)
    run.force("ready")
    run.wait_for_end()


def mark_failed(run: Run) -> None:
    """A user marks the waiting task failed."""
    run.wait_until_waiting()
    run.mark("failed")
    run.wait_for_end()
    if run.point.cancelled:
        run.wait("is cancelled", lambda: bool(run.trainings()[0]["cancelled"]))
    for text in run.point.says:
        run.wait_for_log(text)
    time.sleep(LATE)


def mark_success(run: Run) -> None:
    """A user marks the waiting task success."""
    run.wait_until_waiting()
    run.mark("success")
    run.wait_for_end()
    time.sleep(LATE)


def mark_failed_then_clear(run: Run) -> None:
    """A user marks the waiting task failed, and later wants it after all."""
    mark_failed(run)
    run.clear()
    run.wait_for_trainings(2)
    run.force("ready")
    run.wait_for_end()


def mark_success_then_clear(run: Run) -> None:
    """A user marks the waiting task success, and later wants it after all."""
    mark_success(run)
    before = run.task().try_number
    run.clear()
    run.wait_until_waiting(after_try=before)
    run.force("ready")
    run.wait_for_end()


def mark_one_failed(run: Run) -> None:
    """A user marks one of several mapped tasks failed."""
    run.wait_until_waiting(trainings=run.point.tasks)
    client, place = run.stack.client, (run.point.dag_id, run.runs[0], "train", "training_id")
    chosen = client.xcom(*place, map_index=1)
    run.mark("failed", map_index=1)
    run.wait("one is cancelled", lambda: any(training["cancelled"] for training in run.trainings()))
    time.sleep(LATE)
    cancelled = [training["training_id"] for training in run.trainings() if training["cancelled"]]
    if cancelled != [chosen]:
        run.notes.append(f"cancelled {cancelled} instead of {chosen}")
    for number, training in enumerate(run.trainings()):
        if not training["cancelled"]:
            run.force("ready", number)
    run.wait_for_end()


def time_out(run: Run) -> None:
    """The task's time is over; a retry takes the training up again, and then it becomes ready."""
    run.wait("a second try", lambda: bool(run.tasks()) and run.task().try_number >= 2)
    run.force("ready")
    run.wait_for_end()


def time_out_and_start_again(run: Run) -> None:
    """The task's time is over, its training is cancelled, and the next one becomes ready."""
    run.wait_for_trainings(2)
    run.force("ready")
    run.wait_for_end()


execution_timeout = time_out

# Parts of Airflow die: all points of a wave are brought into the state in which it shall happen, then it happens.

EVENTS = ("triggerer", "power", "stall", "waking")
_reached = {name: threading.Semaphore(0) for name in EVENTS}
_happened = {name: threading.Event() for name in EVENTS}


def reached(event: str) -> threading.Semaphore:
    """Released by each point that is ready for an event."""
    return _reached[event]


def happened(event: str) -> threading.Event:
    """Set when an event is over."""
    return _happened[event]


def _through(run: Run, event: str) -> None:
    _reached[event].release()
    run.wait(f"{event} is back", _happened[event].is_set)


def lose_triggerer(run: Run) -> None:
    """The triggerer dies while the task is deferred; after it is back the training becomes ready."""
    run.wait_until_waiting()
    _through(run, "triggerer")
    _watched_again(run)
    run.force("ready")
    run.wait_for_end()


def lose_power(run: Run) -> None:
    """Everything dies while the task waits; after it is back the training becomes ready."""
    run.wait_until_waiting()
    _through(run, "power")
    _watched_again(run)
    run.force("ready")
    run.wait_for_end()


def lose_power_while_settling(run: Run) -> None:
    """Everything dies in the seconds between a lost answer and its settlement."""
    run.wait_for_trainings(1)
    run.wait_for_log("The answer to the request was lost")
    _through(run, "power")
    run.wait_until_waiting()
    run.force("ready")
    run.wait_for_end()


def _watched_again(run: Run) -> None:
    polls = int(run.trainings()[0]["status_polls"])
    run.wait("is watched again", lambda: int(run.trainings()[0]["status_polls"]) > polls)


def stall_then_waking(run: Run) -> None:
    """The triggerer stalls, another takes over, the first wakes and thinks that it was killed."""
    run.wait_until_waiting()
    _through(run, "stall")
    _watched_again(run)
    _through(run, "waking")
    run.wait_for_log("invoking on_kill")
    time.sleep(LATE)
    run.force("ready")
    run.wait_for_end()


def stall_end_then_waking(run: Run) -> None:
    """The task has ended under the second triggerer before the first wakes."""
    run.wait_until_waiting()
    _through(run, "stall")
    run.force("ready")
    run.wait_for_end()
    _through(run, "waking")
    time.sleep(LATE)


def stall_mark_failed_then_waking(run: Run) -> None:
    """A user marks the task failed under the second triggerer; later the first wakes."""
    run.wait_until_waiting()
    _through(run, "stall")
    _watched_again(run)
    mark_failed(run)
    _through(run, "waking")
    time.sleep(LATE)


def stall_clear_then_waking(run: Run) -> None:
    """A user clears the task under the second triggerer; it waits again when the first wakes."""
    run.wait_until_waiting()
    _through(run, "stall")
    before = run.task().try_number
    run.clear()
    run.wait_until_waiting(after_try=before)
    _through(run, "waking")
    time.sleep(LATE)
    run.force("ready")
    run.wait_for_end()


def forget_events() -> None:
    """Begin again with the events, for another repetition."""
    for name in EVENTS:
        _reached[name] = threading.Semaphore(0)
        _happened[name] = threading.Event()
