"""``make demo`` and ``make airflow``: a real Airflow trains a model on the emulator and renders with it."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from types import FrameType

from demo.airflow_settings import PASSWORD, USER
from demo.component import ComponentDiedError
from demo.emulator import Emulator
from demo.narrator import Narrator
from demo.stack import Stack
from demo.walk import DAG_ID, pictures, walk

PROJECT = Path(__file__).parents[1]
OUTPUT = PROJECT / "demo-output"
API_KEY = "emulator-key"
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run the demo; 0 only if every task succeeded."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    parser.add_argument("--airflow-port", type=int, default=8080, help="port of Airflow's UI, if it is free")
    parser.add_argument("--emulator-port", type=int, default=8765, help="port of the emulator, if it is free")
    parser.add_argument("--duration", type=float, default=25, help="seconds that a training takes")
    options = parser.parse_args()
    for number in ENDINGS:
        signal.signal(number, _end)
    narrator = Narrator()
    workplace = PROJECT / ".demo"
    workplace.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=workplace))
    succeeded = False
    try:
        succeeded = _run(options, narrator, folder)
    except KeyboardInterrupt:
        narrator.say("Stopped. Nothing of it is left running.", "demo")
        shutil.rmtree(folder, ignore_errors=True)
        return 130
    except (ComponentDiedError, OSError, TimeoutError) as error:
        narrator.say(str(error), "failed")
    if not succeeded:
        narrator.say(f"Airflow's logs are in {_short(folder)}", "failed")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


def _run(options: argparse.Namespace, narrator: Narrator, folder: Path) -> bool:
    airflow = version("apache-airflow")
    narrator.console.print(
        f"Airflow {airflow} and a local emulator of the Stable Diffusion API. Nothing is paid.\n"
    )
    emulator = Emulator(folder, port=options.emulator_port, duration=options.duration, render=2, key=API_KEY)
    stack = Stack(
        folder,
        emulator,
        port=options.airflow_port,
        api_key=API_KEY,
        variables={"DREAMBOOTH_EXAMPLE_OUTPUT": str(OUTPUT)},
        say=lambda line: narrator.say(line, "airflow"),
    )
    for name, wish, port in (
        ("emulator", options.emulator_port, emulator.port),
        ("airflow", options.airflow_port, stack.port),
    ):
        if port != wish:
            narrator.say(f"Port {wish} is taken, using {port}", name)
    narrator.say(f"{emulator.url}  (a training takes {options.duration:g} s here)", "emulator")
    began = time.time()
    succeeded = False
    try:
        stack.start()
        narrator.say(f"{stack.url}  (log in as {USER} with the password {PASSWORD})", "airflow")
        succeeded = walk(stack, narrator)
        if succeeded:
            _report(narrator, began)
        if options.keep:
            _keep(stack, narrator)
        else:
            narrator.say("Stopping Airflow and the emulator", "demo")
    finally:
        # A second Ctrl-C must not leave half of it running.
        for number in ENDINGS:
            signal.signal(number, signal.SIG_IGN)
        narrator.close()
        stack.stop()
    if succeeded and not options.keep:
        narrator.console.print(NEXT, markup=False)
    return succeeded


def _report(narrator: Narrator, began: float) -> None:
    narrator.console.print("\nEvery task succeeded. The pictures:", markup=False)
    for picture in pictures(OUTPUT, began):
        narrator.console.print(f"  {_short(picture)}", markup=False)
    narrator.console.print()


def _keep(stack: Stack, narrator: Narrator) -> None:
    narrator.console.print(
        f"Airflow runs on:  {stack.url}  (user {USER}, password {PASSWORD})\n"
        f"Emulator:         {stack.emulator.url}  (its trainings and pictures)\n"
        f"The DAGs are in example_dags/. Trigger one in the UI: schedules are switched off here.\n"
        f"Connection:       {stack.url}/connections  (dreambooth_default, with a Test button)\n"
        f"Ctrl-C ends it all.",
        markup=False,
    )
    try:
        while True:
            stack.check()
            time.sleep(1)
    except KeyboardInterrupt:
        narrator.say("Stopping Airflow and the emulator", "demo")


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _short(path: Path) -> str:
    return os.path.relpath(path)


NEXT = f"""
What to try next
  make airflow                 the same left running, with Airflow's UI to look at
  example_dags/{DAG_ID}.py
                               the DAG that just ran; several_subjects.py maps it over many subjects
  dreambooth-emulator          the emulator alone, for your own Airflow: it prints the connection to use
  https://stablediffusionapi.com
                               your key in the connection, and the same DAG trains on the hosted service
"""

if __name__ == "__main__":
    sys.exit(main())
