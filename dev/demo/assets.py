# SPDX-License-Identifier: Apache-2.0
"""``make demo-assets``: from photographs in object storage to rendered images in object storage, by two DAGs."""

from __future__ import annotations

import argparse
import sys
import time
from importlib.metadata import version
from pathlib import Path

import requests

from dev.demo.__main__ import API_KEY, OUTPUT
from dev.demo.emulator import Emulator
from dev.demo.narrator import Narrator
from dev.demo.object_storage import CONNECTION_ID, ObjectStorage
from dev.demo.stack import Stack
from dev.demo.terminal import listen_no_more, options_of, run
from dev.demo.walk import MEANING

TRAIN, SHEET = "train_weekly", "contact_sheet"
BUCKET, PHOTOGRAPHS, RENDERINGS = "studio", "photographs/robot", "renderings"
#: Far more than the two runs need.
PATIENCE = 420.0


def main() -> int:
    """Run the demo; 0 only if every task of both DAGs succeeded."""
    options = options_of("dev.demo.assets", __doc__).parse_args()
    return run(lambda narrator, folder: _run(options, narrator, folder))


def _run(options: argparse.Namespace, narrator: Narrator, folder: Path) -> bool:
    narrator.console.print(
        f"Airflow {version('apache-airflow')}, an S3 server and an emulator of the Stable Diffusion API, all on this "
        "machine. Nothing is paid.\n",
        markup=False,
    )
    storage = ObjectStorage(folder)
    emulator = Emulator(folder, port=options.emulator_port, duration=options.duration, render=2, key=API_KEY)
    stack = Stack(
        folder,
        emulator,
        port=options.airflow_port,
        api_key=API_KEY,
        schedules=True,
        variables={
            **storage.variables(),
            # The connection stands before the bucket.
            "DREAMBOOTH_EXAMPLE_PHOTOGRAPHS": f"s3://{CONNECTION_ID}@{BUCKET}/{PHOTOGRAPHS}/",
            "DREAMBOOTH_EXAMPLE_OUTPUT": f"s3://{CONNECTION_ID}@{BUCKET}/{RENDERINGS}",
        },
        say=lambda line: narrator.say(line, "airflow"),
    )
    try:
        storage.wait()
        emulator.wait()
        fill(storage, emulator)
        narrator.say(f"s3://{BUCKET}/{PHOTOGRAPHS}/ holds {len(storage.keys(BUCKET))} photographs", "storage")
        stack.start()
        narrator.say(f"{stack.url}", "airflow")
        return follow(stack, storage, narrator)
    finally:
        listen_no_more()
        narrator.close()
        stack.stop()
        storage.stop()


def fill(storage: ObjectStorage, emulator: Emulator) -> None:
    """Put photographs into a bucket: the emulator's own, which it draws."""
    storage.create_bucket(BUCKET)
    with requests.Session() as session:
        session.trust_env = False
        for number in range(1, 9):
            answer = session.get(f"{emulator.samples()}/robot/{number}.png", timeout=30)
            answer.raise_for_status()
            storage.put(BUCKET, f"{PHOTOGRAPHS}/{number}.png", answer.content)


def follow(stack: Stack, storage: ObjectStorage, narrator: Narrator) -> bool:
    """Switch both DAGs on, tell what happens, and give back whether every task of both succeeded."""
    for dag_id in (TRAIN, SHEET):
        stack.client.wait_for_dag(dag_id)
    for dag_id in (SHEET, TRAIN):
        stack.client.call("PATCH", f"dags/{dag_id}", json={"is_paused": False})
    narrator.say(f"{TRAIN} and {SHEET} are switched on; the first is due by its schedule", "airflow")
    states: dict[str, str] = {}
    deadline = time.monotonic() + PATIENCE + stack.emulator.duration
    while len(states) < 2 and "failed" not in states.values():
        stack.check()
        for training in stack.emulator.trainings():
            narrator.training(training)
        for dag_id in (TRAIN, SHEET):
            _tell(stack, narrator, dag_id, states)
        if time.monotonic() > deadline:
            raise TimeoutError(f"the two DAGs did not come to their end in {PATIENCE:g} s: {states}")
        time.sleep(0.5)
    narrator.close()
    return _report(storage, narrator, states)


def _tell(stack: Stack, narrator: Narrator, dag_id: str, states: dict[str, str]) -> None:
    runs = stack.client.call("GET", f"dags/{dag_id}/dagRuns", params={"order_by": "id"})["dag_runs"]
    if not runs:
        return
    run = runs[0]
    run_id = str(run["dag_run_id"])
    if narrator.once(dag_id, run_id):
        narrator.say(f"{dag_id}: run started ({run['run_type'].replace('_', ' ')})", "airflow")
    for task in stack.client.task_instances(dag_id, run_id):
        name = task["task_id"] + (f" {task['map_index']}" if task["map_index"] >= 0 else "")
        meaning = MEANING.get(task["state"])
        if meaning and narrator.once(f"{dag_id}.{name}", task["try_number"], task["state"]):
            narrator.say(meaning, name)
    if run["state"] in ("success", "failed"):
        states[dag_id] = run["state"]
        if run["state"] == "failed" and narrator.once(f"{dag_id} failed", run_id):
            narrator.console.print(stack.client.describe(dag_id, run_id), markup=False)


def _report(storage: ObjectStorage, narrator: Narrator, states: dict[str, str]) -> bool:
    if set(states.values()) != {"success"}:
        return False
    narrator.console.print(
        "\nEvery task of both DAGs succeeded. What is in object storage now:", markup=False
    )
    keys = [key for key in storage.keys(BUCKET, RENDERINGS) if key.endswith(".png")]
    for key in keys:
        copy = OUTPUT / "contact-sheet" / Path(key).name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(storage.get(BUCKET, key))
        narrator.console.print(f"  s3://{BUCKET}/{key}", markup=False)
    narrator.console.print(f"\nCopies to look at are in {OUTPUT.name}/contact-sheet/\n", markup=False)
    return bool(keys)


if __name__ == "__main__":
    sys.exit(main())
