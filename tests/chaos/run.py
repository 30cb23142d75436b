# SPDX-License-Identifier: Apache-2.0
"""One point, once: its own account at the service, its DAG run, and what can be done to both."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from airflow_provider_dreambooth.emulator.options import Options
from airflow_provider_dreambooth.emulator.server import RunningEmulator, running_emulator
from dev.demo.ports import HOST, free_port
from tests.chaos import xcom_backend
from tests.chaos.observer import Observer, Seen
from tests.chaos.point import RETRIES, Point
from tests.system.stack import SystemStack

TASK = "train"
#: Long enough for a loaded machine; nothing is measured by it.
PATIENCE = 300.0
#: Seconds after the end of all tasks in which something may still happen.
HOPELESS = 90.0
ENDED = frozenset({"success", "failed"})

_ports: set[int] = set()
_ports_lock = threading.Lock()


def _fresh_port() -> int:
    # Host and port name the account: one that had lost answers before would make this one's undecidable.
    with _ports_lock:
        while (port := free_port()) in _ports:
            pass
        _ports.add(port)
        return port


class Run:
    """
    One point, once.

    :param point: what goes wrong.
    :param repetition: which time.
    :param stack: the running Airflow.
    :param observer: watches its tasks.
    :param flags: folder where crashes leave a mark.
    :param emulator: the point's own emulator: an account of its own, so that points do not meet.
    """

    def __init__(
        self,
        point: Point,
        repetition: str,
        stack: SystemStack,
        observer: Observer,
        flags: Path,
        emulator: RunningEmulator,
    ) -> None:
        self.point, self.stack, self.observer, self.flags = point, stack, observer, flags
        self.emulator = emulator
        self.run_id = f"repetition-{repetition}"
        self.connection_id = f"{point.dag_id}_{repetition}"
        self.runs: list[str] = []
        self.notes: list[str] = []

    @staticmethod
    def emulator_of(point: Point) -> Any:
        """Context manager that serves the point's emulator, on a port that no other point has had."""
        options = {"port": _fresh_port(), "quiet": True, "duration": 4.0} | dict(point.emulator)
        return running_emulator(Options(**options))

    def connect(self, *, host: str = f"http://{HOST}", port: int | None = None) -> None:
        """Store the connection to the point's emulator, or to somewhere else."""
        body = {
            "connection_id": self.connection_id,
            "conn_type": "dreambooth",
            "host": host,
            "port": port or int(self.emulator.url.rpartition(":")[2]),
            # A key of its own: submissions with the same key are of one account, whatever the host is called.
            "password": f"key-of-{self.connection_id}",
            "extra": json.dumps({"environment": self.point.environment, "timeout": self.point.timeout}),
        }
        try:
            self.stack.client.call("PATCH", f"connections/{self.connection_id}", json=body)
        except requests.HTTPError:
            self.stack.client.create_connection(body)

    def start(self) -> None:
        """Spoil the emulator as the point says and start the DAG run."""
        for rule in self.point.faults:
            self.spoil(rule)
        self.trigger()

    def trigger(self) -> None:
        """Start a DAG run; a second one shares the account."""
        run_id = f"{self.run_id}-{len(self.runs) + 1}"
        self.stack.client.trigger(self.point.dag_id, run_id, {"connection": self.connection_id})
        self.runs.append(run_id)

    def spoil(self, rule: Any) -> None:
        """Add a fault rule to the emulator."""
        requests.post(f"{self.emulator.url}/emulator/faults", json=dict(rule), timeout=10).raise_for_status()

    def fix(self) -> None:
        """Take all fault rules back."""
        requests.delete(f"{self.emulator.url}/emulator/faults", timeout=10).raise_for_status()

    # What is seen

    def trainings(self) -> list[dict[str, Any]]:
        """Every training that was paid, oldest first."""
        answer = requests.get(f"{self.emulator.url}/emulator/trainings", timeout=10)
        answer.raise_for_status()
        return list(answer.json())

    def renders(self) -> list[dict[str, Any]]:
        """Every rendering that was paid, oldest first."""
        answer = requests.get(f"{self.emulator.url}/emulator/renders", timeout=10)
        answer.raise_for_status()
        return list(answer.json())

    def tasks(self) -> list[Seen]:
        """The task instances of all DAG runs of this point."""
        return self.observer.tasks(self.point.dag_id, f"{self.run_id}-")

    def task(self) -> Seen:
        """The only task instance."""
        return self.tasks()[-1]

    def wait(self, what: str, ready: Callable[[], bool]) -> None:
        """Wait until something is so; in vain when the tasks have ended long ago."""
        ended_at = float("inf")

        def ready_or_hopeless() -> bool:
            nonlocal ended_at
            if ready():
                return True
            tasks = self.tasks()
            if not tasks or any(task.state not in ENDED for task in tasks):
                ended_at = float("inf")
            else:
                ended_at = min(ended_at, time.monotonic())
            if time.monotonic() - ended_at > HOPELESS:
                raise TimeoutError(f"all tasks have ended, but not: {what}")
            return False

        self.observer.wait(what, ready_or_hopeless, PATIENCE)

    def wait_for_trainings(self, count: int) -> None:
        """Wait until so many trainings were paid."""
        self.wait(f"{count} trainings", lambda: len(self.trainings()) >= count)

    def wait_until_waiting(self, *, after_try: int = 0, trainings: int = 1) -> None:
        """Wait until every task waits for its training, in a later try than the given one."""
        deferred = self.point.wait == "deferred"

        def ready() -> bool:
            tasks, paid = self.tasks(), self.trainings()
            if len(tasks) < self.point.tasks or len(paid) < trainings:
                return False
            if any(task.try_number <= after_try for task in tasks):
                return False
            if deferred:
                return all(task.state == "deferred" and self._has_trigger(task) for task in tasks)
            return all(task.state == "running" for task in tasks) and paid[-1]["status_polls"] > 0

        self.wait("waits for its training", ready)

    def _has_trigger(self, task: Seen) -> bool:
        # A trigger that no triggerer has started yet is never told of a kill.
        return f"{TASK}/{task.map_index}/{task.try_number} (ID" in self.log()

    def wait_for_end(self) -> None:
        """Wait until every task has ended."""
        wanted = self.point.tasks * len(self.runs)
        self.wait(
            "has ended",
            lambda: len(self.tasks()) >= wanted and all(task.state in ENDED for task in self.tasks()),
        )

    def log(self) -> str:
        """All logs of all tries."""
        folder = self.stack.home / "logs" / f"dag_id={self.point.dag_id}"
        paths = [path for run in self.runs for path in folder.glob(f"run_id={run}/**/*") if path.is_file()]
        return "\n".join(path.read_text(errors="replace") for path in sorted(paths))

    def wait_for_log(self, text: str, times: int = 1) -> None:
        """Wait until the log says something."""
        self.wait(f"log says {text!r}", lambda: self.log().count(text) >= times)

    # What is done

    def force(self, action: str, number: int = -1, **details: Any) -> None:
        """Let the service do something with a training."""
        training_id = self.trainings()[number]["training_id"]
        url = f"{self.emulator.url}/emulator/trainings/{training_id}"
        requests.post(url, json={"action": action, **details}, timeout=10).raise_for_status()

    def fail_the_other_task(self) -> None:
        """Let the second task of the DAG fail."""
        (self.flags / f"{self.point.dag_id}.{self.runs[-1]}-fails").touch()

    def frozen(self) -> list[int]:
        """The processes of a worker that a point has stopped."""
        marks = [path for path in self.flags.glob(f"{self.point.dag_id}.*.freeze-*") if path.stat().st_size]
        return [int(word) for path in marks for word in path.read_text().split()]

    def thaw(self) -> None:
        """Let the stopped worker go on."""
        for process in self.frozen():
            os.kill(process, signal.SIGCONT)

    def mark(self, state: str, map_index: int = -1) -> None:
        """What the button in Airflow's UI does."""
        path = f"dags/{self.point.dag_id}/dagRuns/{self.runs[-1]}/taskInstances/{TASK}"
        path += f"/{map_index}" if map_index >= 0 else ""
        self.stack.client.call("PATCH", path, json={"new_state": state})

    def clear(self) -> None:
        """What the button in Airflow's UI does."""
        body = {
            "dry_run": False,
            "dag_run_id": self.runs[-1],
            "task_ids": [TASK],
            "only_failed": False,
            "reset_dag_runs": True,
        }
        before = self.task()
        if before.state in ENDED:
            # Airflow loses a clear that meets the end of the DAG run.
            self.stack.client.wait_for_run(self.point.dag_id, self.runs[-1], timeout=PATIENCE)
        self.stack.client.call("POST", f"dags/{self.point.dag_id}/clearTaskInstances", json=body)
        self.wait("is cleared", lambda: self.task() != before)

    @property
    def _entry(self) -> str:
        place = f"dags/{self.point.dag_id}/dagRuns/{self.runs[-1]}/taskInstances/{TASK}"
        return f"{place}/state-store/dreambooth_training"

    def record(self, map_index: int = -1) -> dict[str, Any] | None:
        """The task's record, as a person sees it in Airflow's UI."""
        try:
            found = self.stack.client.call("GET", self._entry, params={"map_index": map_index})
        except requests.HTTPError:
            return None
        value = found["value"]
        return dict(json.loads(value) if isinstance(value, str) else value)

    def edit_record(self, **changes: Any) -> None:
        """Edit the entry, as a person does it in Airflow's UI."""
        record = self.record()
        assert record is not None
        self.stack.client.call("PATCH", self._entry, json={"value": record | changes})

    def delete_record(self) -> None:
        """Delete the entry, as a person does it in Airflow's UI."""
        self.stack.client.call("DELETE", self._entry)

    def set_subject(self, subject: str) -> None:
        """Change what the task's inputs are rendered from."""
        body = {"key": f"subject_of_{self.connection_id}", "value": subject}
        try:
            self.stack.client.call("PATCH", f"variables/{body['key']}", json=body)
        except requests.HTTPError:
            self.stack.client.call("POST", "variables", json=body)


#: How the fault of a point begins whose crash never came.
UNTRIED = "the crash did not happen"


@dataclasses.dataclass
class Result:
    """What became of one point, once; ``faults`` says what differs from the promise."""

    point: Point
    repetition: int
    paid: int
    cancelled: int
    state: str
    tries: int
    seconds: float
    faults: list[str]
    log: str = ""

    @property
    def kept(self) -> bool:
        """Whether the promise was kept."""
        return not self.faults

    @property
    def untried(self) -> bool:
        """Whether nothing is wrong but that the crash did not come about: Airflow took another way."""
        return bool(self.faults) and all(fault.startswith(UNTRIED) for fault in self.faults)


def story(log: str) -> str:
    """The sentences of a log, without what Airflow adds to each."""
    lines = []
    for line in log.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if not isinstance(entry, dict) or str(entry.get("event", "")).startswith("::"):
            continue
        details = [
            str(item.get("exc_value"))[:300]
            for item in entry.get("error_detail") or ()
            if isinstance(item, dict)
        ]
        lines.append(
            " ".join([str(entry.get("timestamp", ""))[11:23], str(entry.get("event"))[:300], *details])
        )
    return "\n".join(sorted(lines))


def states_of(tasks: list[Seen]) -> str:
    """``success``, or how many of each when they differ."""
    states = sorted(str(task.state) for task in tasks)
    if len(set(states)) == 1:
        return states[0]
    return ", ".join(f"{state} {states.count(state)}" for state in sorted(set(states)))


def judge(run: Run, repetition: int, started: float, broken: BaseException | None) -> Result:
    """Compare what happened with what was promised."""
    point, tasks, trainings, log = run.point, run.tasks(), run.trainings(), run.log()
    state, tries = states_of(tasks), max((task.try_number for task in tasks), default=0)
    paid = len(run.renders()) if point.renders else len(trainings)
    cancelled = sum(training["cancelled"] for training in trainings)
    faults = list(run.notes)
    if broken is not None:
        faults.append(f"{type(broken).__name__}: {broken}")
    if paid != point.paid:
        faults.append(f"{paid} {'renderings' if point.renders else 'trainings'} paid, {point.paid} promised")
    if cancelled != point.cancelled:
        faults.append(f"{cancelled} trainings cancelled, {point.cancelled} promised")
    if state != point.state:
        faults.append(f"ended as {state}, {point.state} promised")
    if point.tries is not None and not point.tries <= tries <= RETRIES:
        faults.append(f"{tries} tries, {point.tries} promised")
    faults += [f"the log does not say {text!r}" for text in point.says if text not in log]
    unknown = [training["training_id"] for training in trainings if training["training_id"] not in log]
    if len(unknown) != point.unknown:
        faults.append(f"{len(unknown)} paid trainings are in no log, {point.unknown} promised: {unknown}")
    met = len(list(run.flags.glob(f"{point.dag_id}.{run.run_id}.*")))
    wanted = len(point.crashes) * point.tasks
    if met < wanted:
        faults.append(f"{UNTRIED}: {met} of {wanted}")
    faults += _wrong_results(run, tasks, {training["training_id"] for training in trainings})
    return Result(point, repetition, paid, cancelled, state, tries, time.monotonic() - started, faults, log)


def _wrong_results(run: Run, tasks: list[Seen], paid: set[str]) -> list[str]:
    """Tasks that succeeded by themselves return the id of a training of their own."""
    results = []
    for task in tasks:
        if task.state != "success" or run.point.act == "mark_success" or run.point.renders:
            continue
        value = run.stack.client.xcom(run.point.dag_id, task.run_id, TASK, map_index=task.map_index)
        results.append(xcom_backend.read(value))
    faults = [f"returned {value!r}, which was never paid" for value in results if value not in paid]
    if len(set(results)) != len(results):
        faults.append("two tasks share one training")
    return faults
