"""Whether a kill may cancel a training that was paid for.

Airflow calls ``on_kill`` also when nobody killed anything: when a stalled triggerer wakes after another one
took over, when a pod is evicted, when a task times out. Only one state is a person's wish to stop the job:
the task was marked failed, and the training in question is the one that the task was about.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KillFacts:
    """
    What is known when ``on_kill`` is called.

    :param task_state: the task instance's state in Airflow, ``None`` when the question had no answer.
    :param task_training_id: the ``training_id`` that the task has pushed, ``None`` when unknown.
    :param training_id: the training that would be cancelled.
    :param end_time: the wait's deadline, ``None`` for none.
    :param now: epoch seconds.
    :param wait_ended: the task has come back from its wait already, and said what becomes of the training.
    """

    task_state: str | None
    task_training_id: str | None
    training_id: str
    end_time: float | None
    now: float
    wait_ended: bool = False


def may_cancel(facts: KillFacts) -> tuple[bool, str]:
    """Return whether to cancel the training, and why, for the log."""
    if facts.task_state is None:
        return False, "the task's state could not be learnt"
    if facts.task_state != "failed":
        return False, f"the task is {facts.task_state}, not marked failed"
    if facts.task_training_id is None:
        return False, "the task's training_id could not be learnt"
    if facts.task_training_id != facts.training_id:
        return False, f"the task is about training {facts.task_training_id} by now"
    if facts.wait_ended:
        # It failed for another reason afterwards, which left the training running.
        return False, "the wait had ended before"
    if facts.end_time is not None and facts.now >= facts.end_time:
        return False, "the wait had reached its deadline, which is no kill"
    return True, "the task was marked failed"
