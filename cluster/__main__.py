"""``make cluster``: the cluster with the examples, left running until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from cluster.postgresql import running_postgresql
from cluster.programs import MissingProgramError
from cluster.redis_server import running_redis
from cluster.stack import QUEUES, ClusterStack
from demo.airflow_settings import PASSWORD, USER
from demo.component import ComponentDiedError
from demo.emulator import Emulator
from demo.narrator import Narrator

WORKPLACE = Path(__file__).parents[1] / ".demo"
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Run the cluster; 0 when it was ended by a person."""
    parser = argparse.ArgumentParser(prog="cluster", description=__doc__)
    parser.add_argument("--airflow-port", type=int, default=8080, help="port of Airflow's UI, if it is free")
    parser.add_argument("--emulator-port", type=int, default=8765, help="port of the emulator, if it is free")
    parser.add_argument("--duration", type=float, default=60, help="seconds that a training takes")
    options = parser.parse_args()
    for number in ENDINGS:
        signal.signal(number, _end)
    narrator = Narrator()
    WORKPLACE.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="cluster-", dir=WORKPLACE))
    try:
        _run(options, narrator, folder)
    except KeyboardInterrupt:
        narrator.say("Stopped. Nothing of it is left running.", "cluster")
        shutil.rmtree(folder, ignore_errors=True)
        return 0
    except MissingProgramError as error:
        narrator.say(str(error), "failed")
        shutil.rmtree(folder, ignore_errors=True)
    except (ComponentDiedError, OSError, TimeoutError) as error:
        narrator.say(f"{error}\nAll logs: {folder}", "failed")
    return 1


def _run(options: argparse.Namespace, narrator: Narrator, folder: Path) -> None:
    with contextlib.ExitStack() as opened:
        # A second Ctrl-C must not leave half of it running.
        opened.callback(_listen_no_more)
        narrator.say("Starting PostgreSQL and Redis", "cluster")
        database_url = opened.enter_context(running_postgresql())
        redis_url = opened.enter_context(running_redis(folder))
        emulator = Emulator(folder, port=options.emulator_port, duration=options.duration)
        opened.callback(emulator.stop)
        stack = ClusterStack(
            folder,
            emulator,
            database_url=database_url,
            redis_url=redis_url,
            port=options.airflow_port,
            say=lambda line: narrator.say(line, "airflow"),
        )
        opened.callback(stack.stop)
        opened.callback(_listen_no_more)
        stack.start()
        _describe(stack, narrator)
        while True:
            stack.check()
            time.sleep(1)


def _describe(stack: ClusterStack, narrator: Narrator) -> None:
    members = "\n".join(
        f"  {name:<13} process {component.pid:<8} {' and '.join(QUEUES.get(name, ()))}"
        for name, component in sorted(stack.components.items())
    )
    narrator.console.print(
        f"\nAirflow's UI:     {stack.url}  (user {USER}, password {PASSWORD})\n"
        f"Emulator:         {stack.emulator.url}  (its trainings and pictures)\n"
        f"The DAGs are in example_dags/. Trigger one in the UI, then end a process as a power cut would\n"
        f"(kill -9 -- -<its number>): another one takes its work over, and no training is paid twice.\n"
        f"Its parts, and the queues that they serve:\n{members}\n"
        f"Logs:             {stack.logs}\n"
        f"Ctrl-C ends it all.\n",
        markup=False,
    )


def _listen_no_more() -> None:
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def _end(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
