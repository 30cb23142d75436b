# SPDX-License-Identifier: Apache-2.0
"""The paid request where something goes wrong around it: refusals, lost answers, other keys."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.exceptions import (
    DreamboothAuthError,
    DreamboothError,
    DreamboothInsufficientCreditsError,
    DreamboothLostSubmissionError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from tests.unit.operators.paid_world import KEYS, Task, Training, World, inhabited
from tests.unit.training.trial import known_world, steps


def changed(world: World, task: Task, *answers: str) -> None:
    """The inputs change, the task is cleared, and the service answers the request for a new training."""
    task.inputs = 2
    task.clear()
    world.answers["create"].extend(answers)


REFUSALS: list[tuple[str, type[DreamboothError] | None]] = [
    ("no credits", DreamboothInsufficientCreditsError),
    ("rejected", DreamboothValidationError),
    ("bad key", DreamboothAuthError),
    ("refused", DreamboothTransientError),
    ("queue full", None),
]


@pytest.mark.parametrize(("answer", "error"), REFUSALS)
@pytest.mark.parametrize("done", [False, True])
def test_a_refused_replacement_leaves_the_earlier_training_as_it_was(
    world: World, answer: str, error: type[Exception] | None, done: bool
) -> None:
    task = Task(world)
    task.start()
    if done:
        end(task, "model_ready")
    before = task.record
    changed(world, task, answer)
    task.start()
    assert error is None or isinstance(task.error, error)
    assert task.record is not None
    assert {**task.record, "queued_until": None} == before
    assert world.trainings[0].stage == ("model_ready" if done else "training_started")
    # The edit is taken back.
    task.inputs = 1
    task.clear()
    task.start()
    assert (task.result if done else task.waits_for) == ("T1" if done else world.trainings[0])
    assert len(world.trainings) == 1


def end(task: Task, stage: str) -> None:
    training = task.waits_for
    assert training is not None
    training.stage = stage
    event = task.next_event()
    assert event is not None
    task.resume(event)


def test_a_refusal_says_that_the_earlier_training_is_left_as_it_was(world: World) -> None:
    task = Task(world)
    task.start()
    changed(world, task, "no credits")
    task.start()
    assert "Training T1, which was to be replaced, is left as it was." in str(task.error)


def test_a_full_queue_is_waited_for_while_the_earlier_training_is_running(world: World) -> None:
    task = Task(world, timeout=3600.0)
    task.start()
    changed(world, task, *["queue full"] * 500)
    task.start()
    began = world.now
    while task.state == "deferred":
        event = task.next_event()
        assert event is not None
        task.resume(event)
    # The time to wait is over, and the training that may hold the last place was not cancelled for it.
    assert "T1, which is to be replaced, may hold the last place" in str(task.error)
    assert world.now - began <= 3600.0
    assert world.trainings[0].stage == "training_started"


@pytest.mark.parametrize("on_clear", ["reuse", "retrain"])
def test_wherever_the_worker_dies_while_it_replaces_a_training_one_is_paid_and_the_earlier_one_ended(
    on_clear: str,
) -> None:
    for dies_at in range(100):
        with inhabited(known_world(), silent=True) as world:
            task = Task(world, on_clear=on_clear)
            task.start()
            task.inputs = 1 if on_clear == "retrain" else 2
            task.clear()
            task.start(dies_at=dies_at)
            if task.state == "deferred":
                break
            task.start()
            assert task.state == "deferred"
            assert len(world.trainings) == 2
            assert task.waits_for is world.trainings[1]
            assert world.trainings[0].stage == "training_cancelled"
            assert task.record is not None
            assert task.record["earlier"] is None
    else:
        pytest.fail("the try never came to its end")
    assert dies_at > 15


def test_a_lost_replacement_goes_back_to_the_earlier_training_when_the_edit_is_taken_back(
    sandbox: World,
) -> None:
    task = Task(sandbox)
    task.start()
    changed(sandbox, task, "lost, accepted")
    task.start()
    assert isinstance(task.error, DreamboothLostSubmissionError)
    assert "T1, which it was to replace, was not touched" in str(task.error)
    task.inputs = 1
    task.clear()
    task.start()
    assert task.waits_for is sandbox.trainings[0]


def test_a_replacement_that_left_no_trace_is_decided_again_from_the_earlier_training(world: World) -> None:
    task = Task(world)
    task.start()
    changed(world, task, "lost, not accepted")
    task.start()
    assert [training.stage for training in world.trainings] == ["training_cancelled", "training_started"]


def adopted(world: World, task: Task) -> Training:
    """Somebody trains by hand in the very moment in which the task's answer is lost."""
    world.answers["create"].append("lost, not accepted")
    world.aside(steps(world).index("request to be sent"), world.start_by_hand)
    task.start()
    assert task.waits_for is not None
    assert task.waits_for.owner is None
    return task.waits_for


def test_a_training_that_is_adopted_by_the_try_that_lost_its_answer_is_shown_as_adopted(world: World) -> None:
    task = Task(world)
    training = adopted(world, task)
    assert task.ti.xcoms["training"]["training_id"] == training.training_id
    assert task.ti.xcoms["training"]["money"] == "adopted"


def test_an_adopted_training_is_never_cancelled(world: World) -> None:
    task = Task(world, cancel_on_timeout=True)
    training = adopted(world, task)
    assert not task.trigger.cancel_on_kill
    world.now = task.trigger.end_time
    event = task.next_event()
    assert event is not None
    task.resume(event)
    assert training.stage == "training_started"
    task.inputs = 2
    task.clear()
    task.start()
    assert training.stage == "training_started"
    assert task.waits_for is not training


@pytest.mark.parametrize("answer", ["lost, accepted", "lost, not accepted"])
def test_with_another_accounts_key_a_lost_answer_is_not_settled(world: World, answer: str) -> None:
    task = Task(world)
    world.answers["create"].append(answer)
    task.start(
        dies_at=steps(world).index("request accepted" if "not" not in answer else "request to be sent")
    )
    world.key = list(KEYS)[2]
    world.start_by_hand()
    world.now += 60
    task.start()
    assert isinstance(task.error, DreamboothLostSubmissionError)
    assert "another key" in str(task.error)
    world.key = next(iter(KEYS))
    task.clear()
    task.start()
    assert task.waits_for is not None
    assert task.waits_for.owner is task


def test_a_training_of_another_key_is_left_running(world: World) -> None:
    task = Task(world)
    task.start()
    world.key = list(KEYS)[1]
    changed(world, task)
    task.start()
    assert [training.stage for training in world.trainings] == ["training_started", "training_started"]


@pytest.mark.parametrize("why", ["retry", "clear", "change"])
def test_a_service_that_lags_is_asked_again(world: World, why: str) -> None:
    task = Task(world)
    task.start(dies_at=steps(world).index("xcom training_id pushed"))
    if why == "change":
        changed(world, task)
    if why == "clear":
        task.state = "failed"
        task.clear()
    world.answers["status"].append("lags")
    task.start()
    assert isinstance(task.error, DreamboothTransientError)
    assert "does not know training T1 yet" in str(task.error)
    assert task.state == "up_for_retry"
    task.inputs = 1
    task.start()
    assert task.waits_for is world.trainings[0]


@pytest.mark.parametrize("shows", [False, None])
def test_a_list_that_is_not_known_to_show_running_trainings_is_no_proof(shows: bool | None) -> None:
    made = World()
    made.list_shows_running = False
    with inhabited(made, silent=True) as world:
        if shows is False:
            before = Task(world, 1)
            before.start()
        task = Task(world, 0)
        world.answers["create"].append("lost, accepted")
        task.start()
        assert isinstance(task.error, DreamboothLostSubmissionError)
        assert "while they are running" in str(task.error)
        assert len(task.paid) == 1


def test_a_row_without_an_id_may_be_the_lost_training(world: World) -> None:
    world.rows_get_an_id_after = 90.0
    world.answers["create"].append("lost, accepted")
    task = Task(world)
    task.start()
    assert isinstance(task.error, DreamboothLostSubmissionError)
    assert "name no id" in str(task.error)
    world.now += 90
    task.clear()
    task.start()
    assert task.waits_for is world.trainings[0]


def test_a_full_cap_leaves_the_earlier_training_as_it_was(world: World) -> None:
    world.cap = 1
    task = Task(world)
    task.start()
    before = task.record
    changed(world, task)
    task.start()
    assert "max_trainings_per_day" in str(task.error)
    assert task.record == before
    assert world.trainings[0].stage == "training_started"
