# SPDX-License-Identifier: Apache-2.0
"""What a trigger needs is imported beside the triggerer's event loop, which an import would hold for all triggers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.unit.conftest import Served

#: In a fresh interpreter, with a fork of it for each trigger: Python tells each import, and its thread is noted.
_PROGRAM = """
import asyncio, importlib, json, os, sys, threading

import airflow.triggers.base


def look_at(module, name, work, arguments):
    trigger = getattr(importlib.import_module(module), name)(**arguments)
    in_the_loop, elsewhere = [], []

    def note(event, details):
        if event == "import":
            here = threading.current_thread() is threading.main_thread()
            (in_the_loop if here else elsewhere).append(details[0])

    async def run():
        sys.addaudithook(note)
        if work == "run":
            async for event in trigger.run():
                pass
        else:
            await trigger.on_kill()

    asyncio.run(run())
    print(json.dumps({"in_the_loop": in_the_loop, "elsewhere": elsewhere}), flush=True)


for one in json.loads(sys.argv[1]):
    child = os.fork()
    if not child:
        look_at(*one)
        os._exit(0)
    os.waitpid(child, 0)
"""
_OURS = ("airflow_provider_dreambooth", "aiohttp", "requests")


def test_nothing_of_ours_is_imported_in_the_event_loop(served: Served, tmp_path: Path) -> None:
    training_id = served.train()
    served.force(training_id, "ready")
    connection = {"dreambooth_conn_id": "dreambooth_default"}
    training = {**connection, "training_id": training_id, "cancel_on_kill": True}
    rendering = {**connection, "request_id": "1", "end_time": 1.0}
    package = "airflow_provider_dreambooth.triggers"
    wanted = [
        (f"{package}.dreambooth", "DreamboothFineTuneTrigger", "run", training),
        (f"{package}.dreambooth", "DreamboothFineTuneTrigger", "on_kill", training),
        (f"{package}.text_to_image", "DreamboothTextToImageTrigger", "run", rendering),
    ]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _PROGRAM, json.dumps(wanted)],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(told) == len(wanted), done.stderr
    for trigger, imports in zip(wanted, told, strict=True):
        assert any(name.startswith(_OURS) for name in imports["elsewhere"]), trigger
        assert [name for name in imports["in_the_loop"] if name.startswith(_OURS)] == [], trigger
