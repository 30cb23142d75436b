# SPDX-License-Identifier: Apache-2.0
"""``make demo`` and ``make airflow``: a real Airflow trains a model on the emulator and renders with it."""

from __future__ import annotations

import argparse
import sys
import time
from importlib.metadata import version
from pathlib import Path

from dev.demo.airflow_settings import PASSWORD, USER
from dev.demo.emulator import Emulator
from dev.demo.narrator import Narrator
from dev.demo.stack import Stack
from dev.demo.terminal import PROJECT, listen_no_more, options_of, run, short
from dev.demo.walk import DAG_ID, images, walk

OUTPUT = PROJECT / "demo-output"
API_KEY = "emulator-key"


def main() -> int:
    """Run the demo; 0 only if every task succeeded."""
    parser = options_of("dev.demo", __doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    options = parser.parse_args()
    return run(lambda narrator, folder: _run(options, narrator, folder))


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
        narrator.say(f"{_page(stack)}  (the training as it goes)", "airflow")
        succeeded = walk(stack, narrator)
        if succeeded:
            _report(narrator, began)
        if options.keep:
            _keep(stack, narrator)
        else:
            narrator.say("Stopping Airflow and the emulator", "demo")
    finally:
        listen_no_more()
        narrator.close()
        stack.stop()
    if succeeded and not options.keep:
        narrator.console.print(NEXT, markup=False)
    return succeeded


def _report(narrator: Narrator, began: float) -> None:
    narrator.console.print("\nEvery task succeeded. The images:", markup=False)
    for image in images(OUTPUT, began):
        narrator.console.print(f"  {short(image)}", markup=False)
    narrator.console.print()


def _page(stack: Stack) -> str:
    return f"{stack.url}/plugin/dreambooth"


def _keep(stack: Stack, narrator: Narrator) -> None:
    narrator.console.print(
        f"Airflow runs on:  {stack.url}  (user {USER}, password {PASSWORD})\n"
        f"Emulator:         {stack.emulator.url}  (its trainings and renderings)\n"
        f"The DAGs are in example_dags/. Trigger one in the UI: schedules are switched off here.\n"
        f"Connection:       {stack.url}/connections  (dreambooth_default, with a Test button)\n"
        f"Ctrl-C ends it all.\n"
        f"Trigger a DAG, and see its training move:  {_page(stack)}",
        markup=False,
    )
    try:
        while True:
            stack.check()
            time.sleep(1)
    except KeyboardInterrupt:
        narrator.say("Stopping Airflow and the emulator", "demo")


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
