# SPDX-License-Identifier: Apache-2.0
"""Carrying out the decisions, against a model of the service: what is paid, written and said, and in which order."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from airflow_provider_dreambooth.exceptions import (
    DreamboothInsufficientCreditsError,
    DreamboothLostSubmissionError,
    DreamboothNotFoundError,
    DreamboothTrainingFailedError,
    DreamboothTrainingTimeoutError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.training.registry import PREFIX
from tests.unit.operators.paid_world import Task, World, inhabited


@pytest.fixture
def world() -> Iterator[World]:
    """In production, where the list has been seen to show running trainings."""
    with inhabited(known_world()) as made:
        yield made


def known_world(environment: str = "production") -> World:
    made = World(environment)
    made.let_the_list_be_known()
    return made


@pytest.fixture
def sandbox() -> Iterator[World]:
    with inhabited(World("sandbox")) as made:
        yield made


def ready(task: Task) -> None:
    training = task.waits_for
    assert training is not None
    training.stage = "model_ready"
    event = task.next_event()
    assert event is not None
    task.resume(event)


def count(world: World) -> int:
    return len(world.trainings)


def test_a_training_is_paid_waited_for_and_returned(world: World) -> None:
    task = Task(world)
    task.start()
    assert task.state == "deferred"
    ready(task)
    assert (task.state, task.result, count(world)) == ("success", "T1", 1)
    assert task.record is not None
    assert task.record["ending"] == "ready"


def test_the_intent_is_durable_before_the_request_and_the_id_before_anything_else(world: World) -> None:
    Task(world, wait=False).start()
    calls = [call for call in world.calls if "listed" not in call and "asked" not in call]
    sent, accepted = calls.index("request to be sent"), calls.index("request accepted")
    assert calls[:sent][-5:] == [
        "variable written",
        "state read",
        "state to be written",
        "state written",
        "state read",
    ]
    after = calls[accepted + 1 :]
    assert after[:5] == [
        # Another try may have taken over while this one waited for the answer.
        "state read",
        "state to be written",
        "state written",
        "xcom training_id to be pushed",
        "xcom training_id pushed",
    ]
    assert "variable written" in after[5:]


@pytest.mark.parametrize("environment", ["production", "sandbox"])
def test_whenever_the_worker_dies_the_retry_pays_nothing_again(environment: str) -> None:
    """Every single step of the first try is a crash point."""
    paid, lost = set(), []
    for dies_at in range(100):
        with inhabited(known_world(environment)) as world:
            task = Task(world)
            task.start(dies_at=dies_at)
            if task.state == "deferred":
                break
            assert task.state == "up_for_retry"
            task.start()
            if task.state == "failed":
                assert isinstance(task.error, DreamboothLostSubmissionError)
                lost.append(world.calls[dies_at])
            else:
                assert task.state == "deferred"
                assert count(world) == 1
                ready(task)
            paid.add(count(world))
    else:
        pytest.fail("the first try never came to its end")
    assert dies_at > 10
    if environment == "production":
        assert (paid, lost) == ({1}, [])
    else:
        # Without a list nobody can know: between the intent and the id.
        assert paid <= {0, 1}
        assert set(lost) <= {
            "state written",
            "state read",
            "request to be sent",
            "request accepted",
            "state to be written",
        }


@pytest.mark.parametrize("answer", ["lost, accepted", "lost, accepted late"])
def test_a_lost_answer_is_settled_by_the_list_in_the_same_try(world: World, answer: str) -> None:
    world.answers["create"].append(answer)
    task = Task(world)
    task.start()
    assert (task.state, count(world)) == ("deferred", 1)
    assert task.waits_for is world.trainings[0]
    ready(task)
    assert task.result == "T1"


def test_the_list_is_asked_when_the_request_must_have_shown(world: World) -> None:
    """30 s after the answer was given up: a request that timed out may be taken on at the last moment."""
    world.answers["create"].append("lost, accepted late")
    began = world.now
    Task(world).start()
    assert world.now - began >= 60.0


def test_a_request_that_left_no_trace_is_sent_again(world: World) -> None:
    world.answers["create"].append("lost, not accepted")
    task = Task(world)
    task.start()
    assert (task.state, count(world)) == ("deferred", 1)
    assert world.calls.count("request to be sent") == 2


def test_in_the_sandbox_a_lost_answer_ends_the_task_with_all_that_a_person_needs(sandbox: World) -> None:
    sandbox.answers["create"].append("lost, accepted")
    task = Task(sandbox)
    task.start()
    assert task.state == "failed"
    assert isinstance(task.error, DreamboothLostSubmissionError)
    task.clear()
    task.start()
    assert isinstance(task.error, DreamboothLostSubmissionError)
    task.hand_over(sandbox.trainings[0])
    task.clear()
    task.start()
    assert task.waits_for is sandbox.trainings[0]
    assert count(sandbox) == 1


def test_a_deleted_record_forces_a_new_training(sandbox: World) -> None:
    sandbox.answers["create"].append("lost, accepted")
    task = Task(sandbox)
    task.start()
    task.delete_record()
    task.clear()
    task.start()
    assert count(sandbox) == 2


def test_resubmit_sends_a_few_times_and_then_leaves_it_to_the_retry(sandbox: World) -> None:
    sandbox.answers["create"].extend(["lost, not accepted"] * 4)
    task = Task(sandbox, on_lost="resubmit")
    began = sandbox.now
    task.start()
    assert task.state == "up_for_retry"
    assert sandbox.calls.count("request to be sent") == 3
    # The service refuses the same request within 30 seconds.
    assert sandbox.now - began >= 3 * 30.0 + 2 * 30.0
    task.start()
    assert count(sandbox) == 1


def test_a_training_of_a_sibling_is_never_taken_for_the_lost_one(world: World) -> None:
    lost, sibling = Task(world, 0), Task(world, 1)
    world.answers["create"].append("lost, not accepted")
    # In the middle of the wait for the list the sibling starts its own.
    world.aside(world_steps_until_sleep(), sibling.start)
    lost.start()
    assert sibling.waits_for is not None
    assert lost.waits_for is not None
    assert lost.waits_for is not sibling.waits_for
    assert count(world) == 2


def world_steps_until_sleep() -> int:
    with inhabited(known_world()) as trial:
        trial.answers["create"].append("lost, not accepted")
        Task(trial).start()
        return trial.calls.index("slept")


def test_with_another_submission_in_doubt_nobody_adopts(world: World) -> None:
    first, second = Task(world, 0), Task(world, 1)
    second.start(dies_at=steps_until(lambda calls: calls.index("request accepted")))
    assert second.state == "up_for_retry"
    world.now += 60
    world.answers["create"].append("lost, accepted")
    first.start()
    assert isinstance(first.error, DreamboothLostSubmissionError)
    assert "1 other submission" in str(first.error) or "in doubt" in str(first.error)
    assert count(world) == 2


def test_a_request_that_is_settled_to_nothing_is_no_doubt_to_others(world: World) -> None:
    first, second = Task(world, 0), Task(world, 1)
    first.start(dies_at=steps_until(lambda calls: calls.index("request to be sent")))
    first.start()
    assert (first.state, count(world)) == ("deferred", 1)
    world.answers["create"].append("lost, accepted")
    second.start()
    assert (second.state, count(world)) == ("deferred", 2)
    assert second.waits_for is world.trainings[1]


def steps_until(place: object) -> int:
    with inhabited(known_world()) as trial:
        Task(trial).start()
        return int(place(trial.calls))  # type: ignore[operator]


def test_a_day_later_nothing_is_adopted(world: World) -> None:
    """The other submissions of that time may be forgotten by then."""
    task = Task(world)
    task.start(dies_at=steps_until(lambda calls: calls.index("request accepted")))
    world.now += 36 * 3600
    task.start()
    assert isinstance(task.error, DreamboothLostSubmissionError)


@pytest.mark.parametrize("fault", ["error", "queue full"])
def test_a_list_that_fails_for_a_moment_makes_no_lost_submission(world: World, fault: str) -> None:
    task = Task(world)
    task.start(dies_at=steps_until(lambda calls: calls.index("request accepted")))
    world.answers["list"].append(fault)
    task.start()
    assert not isinstance(task.error, DreamboothLostSubmissionError)
    assert task.state in ("up_for_retry", "deferred")
    if task.state == "deferred":
        assert task.method == "execute_turn"
        event = task.next_event()
        assert event is not None
        task.resume(event)
    else:
        task.start()
    assert task.waits_for is world.trainings[0]
    assert count(world) == 1


def test_a_full_queue_is_waited_for_and_said(world: World) -> None:
    world.answers["create"].append("queue full")
    task = Task(world)
    task.start()
    assert (task.state, task.method, count(world)) == ("deferred", "execute_turn", 0)
    assert task.trigger.moment >= world.now + 30
    event = task.next_event()
    assert event is not None
    task.resume(event)
    assert task.waits_for is world.trainings[0]


def test_a_full_queue_is_waited_for_on_the_worker_when_not_deferrable(world: World) -> None:
    world.answers["create"].extend(["queue full"] * 3)
    task = Task(world, deferrable=False, wait=False)
    task.start()
    assert (task.state, count(world)) == ("success", 1)


@pytest.mark.parametrize("where", ["create", "list"])
@pytest.mark.parametrize("deferrable", [True, False])
def test_waiting_for_a_turn_ends_with_the_timeout(world: World, where: str, deferrable: bool) -> None:
    world.answers[where].extend(["queue full"] * 1000)
    task = Task(world, deferrable=deferrable, timeout=3600.0)
    task.start()
    began = task.first_started
    for _ in range(1000):
        if task.state != "deferred":
            break
        event = task.next_event()
        assert event is not None
        task.resume(event)
    assert isinstance(task.error, DreamboothTrainingTimeoutError)
    assert "nothing was paid" in str(task.error)
    assert world.now - began <= 3600.0
    assert count(world) == 0


@pytest.mark.parametrize(
    ("answer", "error_class", "state"),
    [
        ("refused", DreamboothTransientError, "up_for_retry"),
        ("rejected", DreamboothValidationError, "failed"),
        ("no credits", DreamboothInsufficientCreditsError, "failed"),
    ],
)
def test_what_was_not_accepted_is_not_paid_and_the_next_try_submits(
    world: World, answer: str, error_class: type[Exception], state: str
) -> None:
    world.answers["create"].append(answer)
    task = Task(world)
    task.start()
    assert isinstance(task.error, error_class)
    assert task.state == state
    assert not [key for key in world.variables.values if key.startswith(PREFIX)]
    if state == "failed":
        task.clear()
    task.start()
    assert task.waits_for is world.trainings[0]


def test_changed_inputs_replace_the_running_training(world: World) -> None:
    task = Task(world)
    task.start()
    task.clear()
    task.inputs = 2
    task.start()
    assert [training.stage for training in world.trainings] == ["training_cancelled", "training_started"]
    ready(task)
    assert task.result == "T2"


def test_the_summary_says_whether_the_replaced_training_is_cancelled(world: World, sandbox: World) -> None:
    for made, cancelled in ((world, True), (sandbox, False)):
        with inhabited(made):
            task = Task(made)
            task.start()
            task.inputs = 2
            task.clear()
            task.start()
        summary = task.ti.xcoms["training"]
        assert summary["money"] == "accepted"
        assert summary["replaced"] == {"training_id": "T1", "cancelled": cancelled}


def test_the_summary_says_so_also_when_a_later_try_cancels_it(world: World) -> None:
    task = Task(world)
    task.start()
    task.inputs = 2
    task.clear()
    task.start(dies_at=steps_until(lambda calls: calls.index("request accepted")) + 30)
    while world.trainings[0].stage != "training_cancelled":
        task.start()
    assert task.ti.xcoms["training"]["replaced"] == {"training_id": "T1", "cancelled": True}


def test_changed_inputs_leave_a_finished_training_alone(world: World) -> None:
    task = Task(world)
    task.start()
    ready(task)
    task.clear()
    task.inputs = 2
    task.start()
    assert [training.stage for training in world.trainings] == ["model_ready", "training_started"]


@pytest.mark.parametrize("done", [False, True])
def test_a_clear_reuses_at_no_cost(world: World, done: bool) -> None:
    task = Task(world)
    task.start()
    if done:
        ready(task)
    task.clear()
    task.start()
    assert count(world) == 1
    assert (task.state, task.result) == (("success", "T1") if done else ("deferred", None))


@pytest.mark.parametrize("done", [False, True])
def test_a_clear_with_retrain_pays_for_one_new_training(world: World, done: bool) -> None:
    task = Task(world, on_clear="retrain")
    task.start()
    if done:
        ready(task)
    task.clear()
    task.start(dies_at=steps_until(lambda calls: calls.index("request accepted")) + 30)
    if task.state == "up_for_retry":
        task.start()
    assert count(world) == 2
    assert world.trainings[0].stage == ("model_ready" if done else "training_cancelled")


def test_a_failed_training_is_trained_again_by_a_retry_with_a_budget_of_its_own(world: World) -> None:
    task = Task(world, timeout=3600.0)
    task.start()
    world.now += 3000
    world.trainings[0].stage = "training_failed"
    event = task.next_event()
    assert event is not None
    task.resume(event)
    assert isinstance(task.error, DreamboothTrainingFailedError)
    assert task.state == "up_for_retry"
    task.start()
    assert count(world) == 2
    # 600 seconds were left of the first: with cancel_on_timeout they would waste the second.
    assert task.trigger.end_time == pytest.approx(world.now + 3600.0, abs=5)


def test_a_failure_of_the_inputs_is_not_paid_again_before_a_clear(world: World) -> None:
    task = Task(world)
    task.start()
    world.trainings[0].stage, world.trainings[0].permanent = "training_failed", True
    event = task.next_event()
    assert event is not None
    task.resume(event)
    assert task.state == "failed"
    task.clear()
    task.start()
    assert count(world) == 2


def test_a_training_cancelled_by_somebody_else_stays_so_over_a_crash(world: World) -> None:
    task = Task(world)
    task.start()
    world.trainings[0].stage = "training_cancelled"
    event = task.next_event()
    assert event is not None
    for dies_at in range(8):
        if task.state != "deferred":
            break
        task.resume(event, dies_at=dies_at)
    if task.state == "up_for_retry":
        task.start()
    assert task.state == "failed"
    assert isinstance(task.error, DreamboothTrainingFailedError)
    assert count(world) == 1


@pytest.mark.parametrize("dies_at", range(12))
def test_whenever_the_worker_dies_after_a_foreign_cancel_nothing_is_paid(dies_at: int) -> None:
    with inhabited(World()) as world:
        task = Task(world)
        task.start()
        world.trainings[0].stage = "training_cancelled"
        event = task.next_event()
        assert event is not None
        task.resume(event, dies_at=dies_at)
        if task.state == "up_for_retry":
            task.start()
        assert (task.state, count(world)) == ("failed", 1)


def test_a_timeout_leaves_the_training_running_and_a_retry_takes_it_up(world: World) -> None:
    task = Task(world)
    task.start()
    world.now = task.trigger.end_time
    event = task.next_event()
    assert event is not None
    task.resume(event)
    assert isinstance(task.error, DreamboothTrainingTimeoutError)
    task.start()
    assert task.waits_for is world.trainings[0]
    assert task.trigger.end_time > world.now + 3600


def test_a_timeout_with_cancel_on_timeout_cancels_and_a_retry_pays_again(world: World) -> None:
    task = Task(world, cancel_on_timeout=True)
    task.start()
    world.now = task.trigger.end_time
    event = task.next_event()
    assert event is not None
    task.resume(event)
    assert world.trainings[0].stage == "training_cancelled"
    task.start()
    assert count(world) == 2


def test_a_retry_inside_the_budget_keeps_the_deadline(world: World) -> None:
    task = Task(world)
    task.start(dies_at=steps_until(lambda calls: calls.index("xcom training_id pushed")))
    world.now += 1000
    task.start()
    assert task.trigger.end_time == pytest.approx(world.trainings[0].accepted_at + 6 * 3600, abs=2)


def test_a_training_that_vanished_is_not_paid_again_by_a_retry(world: World) -> None:
    task = Task(world)
    task.start()
    world.trainings[0].vanished = True
    event = task.next_event()
    assert event is not None
    task.resume(event)
    assert isinstance(task.error, DreamboothNotFoundError)
    assert (task.state, count(world)) == ("failed", 1)
    assert "a clear pays for a new one" in str(task.error)


def test_a_status_that_cannot_be_had_leaves_everything_as_it_is(world: World) -> None:
    task = Task(world)
    task.start()
    task.clear()
    world.answers["status"].append("error")
    task.start()
    assert task.state == "up_for_retry"
    assert "T1" in str(task.error)
    assert "nothing new was paid" in str(task.error)
    task.start()
    assert count(world) == 1


def test_marked_failed_cancels_and_marked_success_does_not(world: World) -> None:
    failed, good = Task(world, 0), Task(world, 1)
    for task, state in ((failed, "failed"), (good, "success")):
        task.start()
        task.mark(state)
    assert [training.stage for training in world.trainings] == ["training_cancelled", "training_started"]


def test_a_trigger_that_is_called_late_cancels_nothing(world: World) -> None:
    task = Task(world)
    task.start()
    event = {"status": "error", "training_id": "T1", "message": "bad key", "error": "DreamboothAuthError"}
    task.resume(event)
    assert task.state == "failed"
    task.kill_is_called(task.old_triggers[-1])
    assert world.trainings[0].stage == "training_started"


def elsewhere(task: Task) -> None:
    """The record says that the training was started at another host."""
    record = task.record
    assert record is not None
    task.store.entries["dreambooth_training"] = json.dumps({**record, "account": "gateway production"})


def test_a_training_that_was_started_through_another_host_name_is_asked_for_first(world: World) -> None:
    task = Task(world)
    task.start(dies_at=steps_until(lambda calls: calls.index("xcom training_id pushed")))
    elsewhere(task)
    task.start()
    assert task.waits_for is world.trainings[0]
    assert count(world) == 1


def test_a_training_that_the_new_host_does_not_know_is_paid_again_only_by_a_clear(world: World) -> None:
    task = Task(world)
    task.start(dies_at=steps_until(lambda calls: calls.index("xcom training_id pushed")))
    elsewhere(task)
    world.trainings[0].vanished = True
    world.now += 600
    task.start()
    assert isinstance(task.error, DreamboothNotFoundError)
    assert (task.state, count(world)) == ("failed", 1)
    task.clear()
    task.start()
    assert count(world) == 2


def test_what_another_task_has_started_by_another_name_of_the_host_is_not_adopted(world: World) -> None:
    other, task = Task(world, 0), Task(world, 1)
    other.start()
    world.host = "gateway"
    world.let_the_list_be_known()
    world.answers["create"].append("lost, not accepted")
    task.start()
    assert task.waits_for is task.paid[0]
    assert task.waits_for is not other.waits_for
