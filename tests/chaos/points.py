# SPDX-License-Identifier: Apache-2.0
"""Every crash point, with what is promised for it. Standard library only, see :mod:`tests.chaos.point`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from tests.chaos.point import Point

LONG: Mapping[str, Any] = {"duration": 3600.0}
#: The training ends only after the task was deferred, however slow the machine is.
DEFERS: Mapping[str, Any] = {"emulator": LONG, "act": "ready_when_waiting"}
LOST = ("its answer was lost: a training may be running", "There is no retry")


def create(kind: str, when: str = "after", times: int = 1, **more: Any) -> Mapping[str, Any]:
    """A rule that spoils requests for a training."""
    return {"endpoint": "create", "kind": kind, "when": when, "times": times, **more}


def crashes_of_a_worker() -> Iterator[Point]:
    """A worker dies at one place on the way."""
    both = ("production", "sandbox")
    for environment in both:
        lost = environment == "sandbox"
        yield Point(
            f"{environment}: before the intent", environment=environment, crashes=("before the intent",)
        )
        yield Point(
            f"{environment}: after the intent",
            environment=environment,
            crashes=("after the intent",),
            paid=0 if lost else 1,
            state="failed" if lost else "success",
            says=LOST if lost else (),
            tries=2,
        )
        yield Point(
            f"{environment}: request under way, accepted",
            environment=environment,
            crashes=("request under way",),
            faults=(create("delay", seconds=3),),
            state="failed" if lost else "success",
            says=LOST if lost else ("it is taken over, nothing is paid twice",),
            unknown=1 if lost else 0,
            tries=2,
        )
        yield Point(
            f"{environment}: request under way, not accepted",
            environment=environment,
            crashes=("request under way",),
            # The emulator drops a request whose sender is gone before it is carried out.
            faults=(create("delay", "before", seconds=3),),
            paid=0 if lost else 1,
            state="failed" if lost else "success",
            says=LOST if lost else (),
            tries=2,
        )
        yield Point(
            f"{environment}: after the answer",
            environment=environment,
            crashes=("after the answer",),
            state="failed" if lost else "success",
            says=LOST if lost else ("it is taken over, nothing is paid twice",),
            unknown=1 if lost else 0,
            tries=2,
        )
        for place in ("after recording the id", "while pushing XCom", "after XCom"):
            yield Point(f"{environment}: {place}", environment=environment, crashes=(place,))
        yield Point(
            f"{environment}: before deferral", environment=environment, crashes=("before deferral",), **DEFERS
        )
    for place in ("deferral sent", "deferral answered", "at resume", "before recording the end"):
        yield Point(f"deferred: {place}", crashes=(place,), **DEFERS)
    for place in ("after recording the end", "while returning", "success sent"):
        yield Point(f"deferred: {place}", crashes=(place,), **DEFERS)
    for place in ("while waiting", "before recording the end", "after recording the end"):
        yield Point(f"on a worker: {place}", wait="worker", crashes=(place,))
    yield Point(
        "on a worker, sandbox: while waiting",
        environment="sandbox",
        wait="worker",
        crashes=("while waiting",),
    )
    yield Point(
        "on a worker: whole worker dies while waiting", wait="worker", crashes=("worker:while waiting",)
    )
    yield Point("whole worker dies after the answer", crashes=("worker:after the answer",))
    for place in ("after the answer", "after recording the id", "while returning"):
        yield Point(f"without waiting: {place}", wait="no", crashes=(place,))
    yield Point("after the registry entry", crashes=("after the registry entry",))
    yield Point("after claiming", crashes=("after claiming",))
    yield Point(
        "after the answer, the list shows it late",
        crashes=("after the answer",),
        emulator={"list_delay": 4.0},
        says=("it is taken over, nothing is paid twice",),
        tries=2,
    )
    for place in ("before settling", "after the list", "before adopting", "after adopting"):
        yield Point(f"settling: {place}", crashes=("after the answer", place), tries=3)
    yield Point(
        "four crashes in a row",
        crashes=("after the intent", "after the answer", "before deferral", "at resume"),
        **DEFERS,
    )
    yield Point(
        "crash after the answer, real settling time", crashes=("after the answer",), settle=30.0, tries=2
    )
    for place in ("after recording the id", "before deferral", "at resume"):
        yield Point(f"ordinary failure: {place}", crashes=(f"error:{place}",), tries=2, **DEFERS)
    yield Point(
        "crash after the registry entry, then a lost answer in the account",
        paid=2,
        crashes=("after the registry entry",),
        act="then_a_lost_answer",
        says=("it is taken over, nothing is paid twice",),
    )
    yield Point(
        "crash after recording the id, then a lost answer in the account",
        paid=2,
        crashes=("after recording the id",),
        act="then_a_lost_answer",
        says=("it is taken over, nothing is paid twice",),
    )


def lost_answers() -> Iterator[Point]:
    """The request is accepted and its answer lost; or it is not, and nobody can tell."""
    kinds = ("cut", "timeout", "http_502_html", "http_503", "not_json", "truncated", "empty", "html_200")
    for kind in kinds:
        rule = create(kind, seconds=8.0 if kind == "timeout" else None)
        timeout = 2.0 if kind == "timeout" else 10.0
        yield Point(
            f"production: {kind} after acceptance",
            faults=(rule,),
            timeout=timeout,
            says=("it is taken over, nothing is paid twice",),
            tries=1,
        )
        if kind in ("cut", "timeout", "http_502_html", "not_json"):
            yield Point(
                f"sandbox: {kind} after acceptance",
                environment="sandbox",
                faults=(rule,),
                timeout=timeout,
                state="failed",
                says=LOST,
                unknown=1,
                tries=1,
            )
    yield Point(
        "sandbox: cut after acceptance, resubmit",
        environment="sandbox",
        faults=(create("cut"),),
        arguments={"on_lost_submission": "resubmit"},
        emulator={"spam_filter": 30.0},
        settle=30.0,
        paid=2,
        unknown=1,
        says=("The answer to the request was lost", "on_lost_submission='resubmit' asks for a new one"),
        tries=1,
    )
    yield Point(
        "sandbox: crash after the answer, resubmit",
        environment="sandbox",
        crashes=("after the answer",),
        arguments={"on_lost_submission": "resubmit"},
        paid=2,
        unknown=1,
        tries=2,
    )
    yield Point("production: 502 before acceptance", faults=(create("http_502_html", "before"),), tries=1)
    yield Point("production: cut before acceptance, three times", faults=(create("cut", "before", 3),))
    yield Point(
        "sandbox: 502 before acceptance",
        environment="sandbox",
        faults=(create("http_502_html", "before"),),
        paid=0,
        state="failed",
        says=LOST,
        tries=1,
    )
    yield Point(
        "sandbox: lost, handed over by hand",
        environment="sandbox",
        faults=(create("cut"),),
        act="hand_over",
        says=LOST,
    )
    yield Point(
        "sandbox: lost, forced again by hand",
        environment="sandbox",
        faults=(create("cut"),),
        act="delete_the_entry",
        paid=2,
        unknown=1,
        says=LOST,
    )
    yield Point(
        "production: lost while the list is down",
        faults=(create("cut"), {"endpoint": "finetune_list", "kind": "http_500", "after": 1}),
        act="lost_then_list_back",
        says=("nothing new was sent", "it is taken over, nothing is paid twice"),
        tries=2,
    )
    yield Point(
        "production: two answers lost at once",
        faults=(create("cut", times=2),),
        tasks=2,
        paid=2,
        state="failed",
        says=(*LOST, "2 new models that may be it"),
        settle=30.0,
    )
    yield Point(
        "production: one lost, three neighbours",
        faults=(create("cut"),),
        tasks=4,
        paid=4,
        says=("it is taken over, nothing is paid twice",),
        settle=30.0,
    )


def nothing_accepted() -> Iterator[Point]:
    """Failures that prove that nothing was paid."""
    yield Point("connection refused, then fixed", act="refused_then_fixed")
    yield Point("name not resolved, then fixed", act="unknown_host_then_fixed")
    yield Point(
        "queue full",
        faults=(create("rate_limit_429", "before", 2, seconds=12.0),),
        says=("queue at the service is full",),
    )
    yield Point(
        "queue full, on a worker, sandbox",
        environment="sandbox",
        wait="worker",
        faults=(create("rate_limit_429", "before", 2, seconds=12.0),),
        says=("queue at the service is full",),
        tries=1,
    )
    yield Point(
        "refused: no credits",
        faults=(create("no_credits", "before"),),
        paid=0,
        state="failed",
        tries=1,
    )
    yield Point(
        "twelve tasks at once, queue limit 5",
        tasks=12,
        paid=12,
        # A training is in the queue for sixteen seconds.
        emulator={"queue_limit": 5, "queue_counts": "trainings", "duration": 200.0},
        act="ready_when_all_are_paid",
        says=("queue at the service is full",),
    )


def ends_of_a_training() -> Iterator[Point]:
    """The service says that the training failed, or that it was cancelled."""
    for wait in ("deferred", "worker"):
        yield Point(
            f"training fails, {wait}", wait=wait, act="training_fails", emulator=LONG, paid=2, tries=2
        )
    yield Point(
        "training fails permanently",
        act="training_fails_permanently",
        emulator=LONG,
        state="failed",
        says=("there is no retry",),
        tries=1,
    )
    yield Point(
        "training cancelled by somebody else",
        act="cancelled_elsewhere",
        emulator=LONG,
        state="failed",
        cancelled=1,
        says=("was cancelled at the service, not by this task",),
        tries=1,
    )


def wishes_of_users() -> Iterator[Point]:
    """Clear, mark failed, mark success."""
    forever: dict[str, Any] = {"emulator": LONG}
    retrain = {"on_clear": "retrain"}
    for wait in ("deferred", "worker"):
        yield Point(
            f"cleared, {wait}", wait=wait, act="clear_waiting", **forever, says=("is reused at no cost",)
        )
        yield Point(
            f"cleared with retrain, {wait}",
            wait=wait,
            act="clear_waiting",
            arguments=retrain,
            **forever,
            paid=2,
            cancelled=1,
        )
        yield Point(
            f"marked failed, {wait}",
            wait=wait,
            act="mark_failed",
            **forever,
            state="failed",
            cancelled=1,
            says=("is cancelled, since the task was marked failed",),
        )
        yield Point(
            f"marked failed, {wait}, sandbox",
            wait=wait,
            environment="sandbox",
            act="mark_failed",
            **forever,
            state="failed",
            says=("the sandbox environment has no cancel",),
        )
        yield Point(
            f"marked failed, {wait}, cancel_on_kill=False",
            wait=wait,
            act="mark_failed",
            arguments={"cancel_on_kill": False},
            **forever,
            state="failed",
        )
        yield Point(f"marked success, {wait}", wait=wait, act="mark_success", **forever)
    yield Point("cleared when done", act="clear_done", says=("is reused at no cost",))
    yield Point(
        "cleared when done, without waiting", wait="no", act="clear_done", **forever, says=("is reused",)
    )
    yield Point("cleared when done, retrain", act="clear_done", arguments=retrain, paid=2)
    yield Point(
        "cleared when done, sandbox", environment="sandbox", act="clear_done", says=("is reused at no cost",)
    )
    changed = {
        "instance_prompt": "photo of sks {{ var.value.get('subject_of_' ~ dag_run.conf['connection'], 'fox') }}"
    }
    yield Point(
        "inputs changed and cleared",
        act="change_and_clear",
        arguments=changed,
        **forever,
        paid=2,
        cancelled=1,
        says=("the inputs changed since training",),
    )
    yield Point(
        "inputs changed and cleared, sandbox",
        environment="sandbox",
        act="change_and_clear",
        arguments=changed,
        **forever,
        paid=2,
        says=("the inputs changed since training", "the sandbox environment has no cancel"),
    )
    for wait in ("deferred", "worker"):
        yield Point(
            f"inputs changed, refused, edit taken back, {wait}",
            wait=wait,
            act="change_refuse_and_take_back",
            arguments=changed,
            **forever,
            says=("is left as it was", "is reused at no cost"),
        )
    yield Point(
        "inputs changed while the queue is full",
        act="change_with_a_full_queue",
        arguments=changed,
        **forever,
        paid=2,
        cancelled=1,
        says=("queue at the service is full", "the inputs changed since training"),
    )
    yield Point(
        "cleared with retrain, crash after cancelling",
        act="clear_waiting",
        arguments=retrain,
        crashes=("after cancelling the old one",),
        **forever,
        paid=2,
        cancelled=1,
    )
    yield Point("marked failed, then cleared", act="mark_failed_then_clear", **forever, paid=2, cancelled=1)
    yield Point("marked success, then cleared", act="mark_success_then_clear", **forever)
    yield Point(
        "one of three mapped tasks marked failed",
        act="mark_one_failed",
        tasks=3,
        **forever,
        paid=3,
        cancelled=1,
        state="failed 1, success 2",
    )


def deadlines() -> Iterator[Point]:
    """The task's time is over."""
    for wait in ("deferred", "worker"):
        yield Point(
            f"timeout, {wait}",
            wait=wait,
            act="time_out",
            arguments={"timeout": 12},
            emulator=LONG,
            says=("It is still running at the service.",),
        )
        yield Point(
            f"timeout with cancel_on_timeout, {wait}",
            wait=wait,
            act="time_out_and_start_again",
            arguments={"timeout": 12, "cancel_on_timeout": True},
            emulator=LONG,
            paid=2,
            cancelled=1,
            says=("It was cancelled (cancel_on_timeout)",),
        )
    yield Point(
        "timeout with cancel_on_timeout, sandbox",
        environment="sandbox",
        act="time_out",
        arguments={"timeout": 12, "cancel_on_timeout": True},
        emulator=LONG,
        says=("the sandbox has no cancel",),
    )
    yield Point(
        "execution_timeout on a worker",
        wait="worker",
        act="execution_timeout",
        arguments={"execution_timeout": timedelta(seconds=8)},
        emulator=LONG,
        says=("AirflowTaskTimeout",),
    )


def machines() -> Iterator[Point]:
    """Parts of Airflow die and come back: everything below is under way when it happens."""
    yield Point("triggerer killed and restarted", emulator=LONG, act="lose_triggerer", wave=2, tries=1)
    yield Point(
        "triggerer killed, sandbox",
        environment="sandbox",
        emulator=LONG,
        act="lose_triggerer",
        wave=2,
        tries=1,
    )
    yield Point("power cut, deferred", emulator=LONG, act="lose_power", wave=3)
    yield Point("power cut, on a worker", wait="worker", emulator=LONG, act="lose_power", wave=3)
    yield Point(
        "power cut, on a worker, sandbox",
        environment="sandbox",
        wait="worker",
        emulator=LONG,
        act="lose_power",
        wave=3,
    )
    yield Point(
        "power cut while a lost answer is settled",
        faults=(create("cut"),),
        settle=30.0,
        emulator=LONG,
        act="lose_power_while_settling",
        wave=3,
        says=("it is taken over, nothing is paid twice",),
    )
    for name, act, more in (
        (
            "still waiting",
            "stall_then_waking",
            {"says": ("is still running: the task is deferred, not marked failed",)},
        ),
        ("task ended meanwhile", "stall_end_then_waking", {}),
        ("task cleared meanwhile", "stall_clear_then_waking", {}),
        ("marked failed meanwhile", "stall_mark_failed_then_waking", {"state": "failed", "cancelled": 1}),
    ):
        yield Point(
            f"triggerer stalls and wakes after a takeover, {name}", act=act, emulator=LONG, wave=4, **more
        )


def moved_connections() -> Iterator[Point]:
    """The connection leads to another name of the same service while a training is running."""
    yield Point(
        "connection moved, then a retry",
        crashes=("at resume",),
        emulator=LONG,
        act="move_then_retry",
        says=("Re-attached to training",),
        tries=2,
    )
    yield Point(
        "connection moved, then a clear", emulator=LONG, act="move_and_clear", says=("is reused at no cost",)
    )


def kills_by_airflow() -> Iterator[Point]:
    """Airflow itself fails the task: nobody wanted the training cancelled."""
    yield Point(
        "fail_fast, on a worker",
        wait="worker",
        fail_fast=True,
        arguments={"retries": 0},
        emulator=LONG,
        act="fail_fast",
        says=("the DAG has fail_fast and another task failed",),
    )
    yield Point(
        "worker frozen on the last try",
        wait="worker",
        crashes=("freeze:while waiting",),
        arguments={"retries": 0},
        emulator=LONG,
        act="frozen_while_waiting",
        says=("this process stood still",),
    )
    yield Point(
        "worker frozen between intent and request",
        crashes=("freeze:after the intent",),
        emulator=LONG,
        act="frozen_before_the_request",
        tries=2,
    )


def states_not_written() -> Iterator[Point]:
    """Airflow does not take the id of a paid training."""
    yield Point(
        "the id cannot be written, a retry reads it from the registry",
        crashes=("state not written with the id",),
        says=("could not be written into the task's state", "is taken from the registry of submissions"),
        tries=2,
    )


def xcom_backends() -> Iterator[Point]:
    """XComs are kept outside of Airflow's database; what decides about money does not hang on that."""
    yield Point(
        "marked failed, deferred, custom XCom backend",
        custom_xcom_backend=True,
        act="mark_failed",
        emulator=LONG,
        state="failed",
        cancelled=1,
        says=("is cancelled, since the task was marked failed",),
    )
    yield Point(
        "at resume, custom XCom backend",
        custom_xcom_backend=True,
        crashes=("at resume",),
        **DEFERS,
    )


def v6_trainer() -> Iterator[Point]:
    """The v6 trainer has no list of its trainings: a lost answer is settled by nobody."""
    for place in ("after recording the id", "before deferral", "at resume", "after recording the end"):
        yield Point(f"v6 trainer: {place}", trainer=True, crashes=(place,), **DEFERS)
    yield Point(
        "v6 trainer: after the answer",
        trainer=True,
        crashes=("after the answer",),
        state="failed",
        says=LOST,
        unknown=1,
        tries=2,
    )
    yield Point(
        "v6 trainer: cut after acceptance",
        trainer=True,
        faults=(create("cut"),),
        state="failed",
        says=LOST,
        unknown=1,
        tries=1,
    )
    yield Point(
        "v6 trainer: refused for its credits",
        trainer=True,
        faults=(create("no_credits", "before"),),
        paid=0,
        state="failed",
        tries=1,
    )
    for wait in ("deferred", "worker"):
        yield Point(
            f"v6 trainer: cleared, {wait}",
            trainer=True,
            wait=wait,
            act="clear_waiting",
            emulator=LONG,
            says=("is reused at no cost",),
        )
        yield Point(
            f"v6 trainer: marked failed, then cleared, {wait}",
            trainer=True,
            wait=wait,
            act="mark_failed_then_clear",
            emulator=LONG,
            paid=2,
            cancelled=1,
        )


def renderings() -> Iterator[Point]:
    """A rendering is a paid request as well: at most one in each try."""
    for wait in ("deferred", "worker"):
        yield Point(
            f"rendering, answer lost, {wait}",
            wait=wait,
            renders=True,
            faults=({"endpoint": "text_to_image", "kind": "cut", "when": "after", "times": 1},),
            paid=2,
            tries=2,
        )
        yield Point(
            f"rendering, worker dies after recording it, {wait}",
            wait=wait,
            renders=True,
            crashes=("after recording the rendering",),
            tries=2,
        )


POINTS: tuple[Point, ...] = (
    *crashes_of_a_worker(),
    *lost_answers(),
    *nothing_accepted(),
    *ends_of_a_training(),
    *wishes_of_users(),
    *deadlines(),
    *machines(),
    *moved_connections(),
    *kills_by_airflow(),
    *states_not_written(),
    *xcom_backends(),
    *v6_trainer(),
    *renderings(),
)
