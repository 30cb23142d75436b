# SPDX-License-Identifier: Apache-2.0
"""
Random lives of three mapped tasks on one account: crashes, lost answers, people, an unreliable service.

The model of :mod:`tests.unit.operators.paid_world` judges every payment, every cancel and every result. The files beside this
one live shorter lives of one kind each. The normal run lives the same ones each time; others, as many as wanted:
``DREAMBOOTH_LIVES=2000 pytest tests/unit/operators/test_paid_once*.py``, from a seed on with ``DREAMBOOTH_SEED=7``.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from airflow_provider_dreambooth.exceptions import DreamboothLostSubmissionError
from tests.unit.operators.paid_world import HOSTS, KEYS, World
from tests.unit.operators.paid_world.lives import POLICIES, Lives, lived

TASKS = st.integers(0, 2)
#: A try takes about 30 steps when all goes well.
DEATHS = st.none() | st.integers(0, 45)
CREATE = st.sampled_from(
    [
        "ok",
        "lost, accepted",
        "lost, accepted late",
        "lost, not accepted",
        "refused",
        "queue full",
        "rejected",
        "no credits",
        "bad key",
    ]
)
REFUSALS = st.sampled_from(["refused", "queue full", "rejected", "no credits", "bad key"])
READ = st.sampled_from(["ok", "ok", "error", "queue full"])
STATUS = st.sampled_from(["ok", "ok", "error", "queue full", "lags", "lags"])
OUTAGES = st.tuples(
    st.sampled_from(["request accepted", "request accepted", "request to be sent", "slept", "state written"]),
    st.sampled_from(["state", "state writes", "variables"]),
    st.sampled_from([20.0, 200.0, 1000.0]),
)
ENDS = st.sampled_from(
    ["model_ready", "training_failed", "training_failed for good", "training_cancelled", "vanished"]
)


class PaidOnce(Lives):
    """Whatever happens, in whatever order."""

    @initialize(
        environment=st.sampled_from(["production", "production", "sandbox"]),
        policies=st.lists(POLICIES, min_size=3, max_size=3),
        cap=st.none() | st.none() | st.integers(1, 4),
        list_shows_running=st.sampled_from([True, True, False]),
        list_is_known=st.booleans(),
        rows_get_an_id_after=st.sampled_from([0.0, 0.0, 90.0]),
        rows_are_objects=st.booleans(),
    )
    def begin(
        self,
        environment: str,
        policies: list[dict[str, Any]],
        cap: int | None,
        list_shows_running: bool,
        list_is_known: bool,
        rows_get_an_id_after: float,
        rows_are_objects: bool,
    ) -> None:
        world = World(environment)
        world.cap = cap
        world.list_shows_running = list_shows_running
        world.rows_get_an_id_after = rows_get_an_id_after
        world.rows_are_objects = rows_are_objects
        if list_is_known and list_shows_running:
            world.let_the_list_be_known()
        self.inhabit(world, *policies)

    # Airflow

    @precondition(lambda self: self.some("none", "up_for_retry"))
    @rule(
        number=TASKS,
        dies_at=DEATHS,
        create=st.lists(CREATE, max_size=3),
        status=st.lists(STATUS, max_size=2),
        listing=st.lists(READ, max_size=2),
        cancel=st.lists(READ, max_size=1),
        sibling=st.none() | st.tuples(TASKS, st.integers(0, 30), DEATHS),
        outage=st.none() | st.none() | OUTAGES,
        stands_still_at=st.none() | st.none() | st.integers(0, 30),
    )
    def a_try_runs(
        self,
        number: int,
        dies_at: int | None,
        create: list[str],
        status: list[str],
        listing: list[str],
        cancel: list[str],
        sibling: tuple[int, int, int | None] | None,
        outage: tuple[str, str, float] | None,
        stands_still_at: int | None,
    ) -> None:
        task = self.task(number, "none", "up_for_retry")
        assert task is not None
        self.world.will_answer(create=create, status=status, list=listing, cancel=cancel)
        if sibling is not None:
            other, after, death = sibling

            def run_a_sibling() -> None:
                found = self.task(other, "none", "up_for_retry")
                if found is not None:
                    found.start(dies_at=death)

            self.world.aside(after, run_a_sibling)
        elif stands_still_at is not None:
            self.world.aside(stands_still_at, task.stand_still)
        if outage is not None:
            self.world.outage(*outage)
        task.start(dies_at=dies_at)
        self.world.forget_plans()

    @precondition(lambda self: self.some("deferred"))
    @rule(number=TASKS, dies_at=DEATHS)
    def the_trigger_fires(self, number: int, dies_at: int | None) -> None:
        task = self.task(number, "deferred")
        assert task is not None
        event = task.next_event()
        if event is not None:
            task.resume(event, dies_at=dies_at)

    @precondition(lambda self: any(task.waits_for for task in self.tasks))
    @rule(number=TASKS, cause=st.sampled_from(["stalled", "failed_elsewhere"]))
    def airflow_fails_a_waiting_task(self, number: int, cause: str) -> None:
        """A DAG with fail_fast, or a process that stood still."""
        task = self.task(number, "deferred")
        if task is not None and task.waits_for is not None:
            task.fail_by_airflow(**{cause: True})

    @precondition(lambda self: any(task.waits_for for task in self.tasks))
    @rule(number=TASKS)
    def the_key_is_refused(self, number: int) -> None:
        task = self.task(number, "deferred")
        if task is not None and task.waits_for is not None:
            training_id = task.waits_for.training_id
            task.resume(
                {"status": "error", "training_id": training_id, "message": "", "error": "DreamboothAuthError"}
            )

    @rule(number=TASKS)
    def a_trigger_of_long_ago_is_called(self, number: int) -> None:
        """A triggerer that stalled wakes up after another took over."""
        task = self.tasks[number]
        for trigger in [*task.old_triggers, *([task.trigger] if task.trigger else [])]:
            task.kill_is_called(trigger)

    # Several things in a row, which single rules meet too seldom

    @rule(number=TASKS, refusal=REFUSALS, taken_back=st.booleans())
    def a_change_is_refused(self, number: int, refusal: str, taken_back: bool) -> None:
        task = self.with_a_training(number)
        task.inputs = 3 - task.inputs
        self.run(task, create=[refusal])
        if taken_back:
            task.inputs = 3 - task.inputs
        self.run(task)

    @rule(
        number=TASKS,
        create=CREATE,
        dies_at=st.integers(8, 35),
        key=st.sampled_from(list(KEYS)),
        host=st.sampled_from(list(HOSTS)),
        back=st.booleans(),
    )
    def a_worker_dies_and_the_connection_changes(
        self, number: int, create: str, dies_at: int, key: str, host: str, back: bool
    ) -> None:
        task, before = self.tasks[number], (self.world.key, self.world.host)
        self.run(task, create=[create], dies_at=dies_at)
        self.world.key, self.world.host = key, host
        self.world.now += 130
        if task.state == "up_for_retry":
            self.run(task)
        if back:
            self.world.key, self.world.host = before

    @rule(number=TASKS, after=st.integers(5, 25), changed=st.booleans())
    def somebody_trains_by_hand_while_an_answer_is_lost(self, number: int, after: int, changed: bool) -> None:
        task = self.tasks[number]
        self.world.aside(after, self.world.start_by_hand)
        self.run(task, create=["lost, not accepted"])
        if changed:
            task.inputs = 3 - task.inputs
            self.run(task)

    @rule(number=TASKS, dies_at=st.integers(12, 35), cleared=st.booleans())
    def a_worker_dies_and_the_service_lags(self, number: int, dies_at: int, cleared: bool) -> None:
        task = self.tasks[number]
        self.run(task, dies_at=dies_at)
        if cleared and task.state == "up_for_retry":
            task.state = "failed"
        if task.state in ("up_for_retry", "failed"):
            self.run(task, status=["lags"])

    @rule(number=TASKS, outage=OUTAGES)
    def an_id_cannot_be_stored(self, number: int, outage: tuple[str, str, float]) -> None:
        task = self.tasks[number]
        task.inputs = 3 - task.inputs
        self.world.outage(*outage)
        self.run(task)
        self.world.now += 1000
        if task.state == "up_for_retry":
            self.run(task)

    @rule(number=TASKS, at=st.integers(5, 25))
    def a_worker_stands_still_while_it_pays(self, number: int, at: int) -> None:
        task = self.tasks[number]
        if task.state not in ("none", "up_for_retry"):
            task.inputs = 3 - task.inputs
            task.clear()
        self.world.aside(at, task.stand_still)
        self.run(task)

    # The service

    @precondition(lambda self: any(not training.ended for training in self.world.trainings))
    @rule(number=st.integers(0, 50), end=ENDS)
    def a_training_ends(self, number: int, end: str) -> None:
        running = [training for training in self.world.trainings if not training.ended]
        training = running[number % len(running)]
        if end == "vanished":
            # One whose id nobody knows cannot be told from one that was never there.
            training.vanished = training.owner is not None and training.owner.has_known(training)
        else:
            training.stage, training.permanent = end.removesuffix(" for good"), end.endswith("for good")

    @rule()
    def somebody_trains_by_hand(self) -> None:
        self.world.start_by_hand()

    @rule(key=st.sampled_from(list(KEYS)))
    def somebody_changes_the_key(self, key: str) -> None:
        self.world.key = key

    @rule(host=st.sampled_from(list(HOSTS)))
    def somebody_moves_the_connection(self, host: str) -> None:
        self.world.host = host

    @rule(seconds=st.sampled_from([1, 10, 31, 600, 3600, 6 * 3600, 40 * 3600]))
    def time_passes(self, seconds: int) -> None:
        self.world.now += seconds

    # People

    @precondition(lambda self: self.some("deferred", "success", "failed"))
    @rule(number=TASKS)
    def somebody_clears(self, number: int) -> None:
        task = self.task(number, "deferred", "success", "failed")
        assert task is not None
        task.clear()

    @rule(number=TASKS, inputs=st.integers(1, 2))
    def somebody_changes_the_inputs(self, number: int, inputs: int) -> None:
        self.tasks[number].inputs = inputs

    @precondition(lambda self: self.some("deferred"))
    @rule(number=TASKS, state=st.sampled_from(["failed", "success"]))
    def somebody_marks(self, number: int, state: str) -> None:
        task = self.task(number, "deferred")
        assert task is not None
        task.mark(state)

    @precondition(lambda self: self.some("failed"))
    @rule(number=TASKS, hands_over=st.booleans())
    def somebody_settles_a_lost_submission(self, number: int, hands_over: bool) -> None:
        task = self.task(number, "failed")
        assert task is not None
        if not isinstance(task.error, DreamboothLostSubmissionError):
            return
        lost = [training for training in task.paid if not task.has_known(training)]
        if hands_over and lost and not lost[-1].vanished:
            task.hand_over(lost[-1])
        else:
            task.delete_record()
        task.clear()


test_paid_once = lived(PaidOnce, times=60, steps=30)
