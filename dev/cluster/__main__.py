# SPDX-License-Identifier: Apache-2.0
"""``make cluster``: the cluster with the examples, left running until Ctrl-C."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from pathlib import Path

from dev.cluster.postgresql import running_postgresql
from dev.cluster.programs import MissingProgramError
from dev.cluster.redis_server import running_redis
from dev.cluster.stack import QUEUES, ClusterStack
from dev.demo.airflow_settings import PASSWORD, USER
from dev.demo.emulator import Emulator
from dev.demo.narrator import Narrator
from dev.demo.terminal import listen_no_more, options_of, run

#: Seconds that a dead member stays away: longer than the others need to notice.
ABSENCE = 90.0


def main() -> int:
    """Run the cluster until a person ends it."""
    options = options_of("dev.cluster", __doc__).parse_args()
    return run(lambda narrator, folder: _run(options, narrator, folder), (MissingProgramError,))


def _run(options: argparse.Namespace, narrator: Narrator, folder: Path) -> bool:
    with contextlib.ExitStack() as opened:
        opened.callback(listen_no_more)
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
        # The last to be opened is the first to be called.
        opened.callback(listen_no_more)
        stack.start()
        _describe(stack, narrator)
        try:
            _watch(stack, narrator)
        except KeyboardInterrupt:
            narrator.say("Stopping all of it", "cluster")
        return True


def _watch(stack: ClusterStack, narrator: Narrator) -> None:
    dead: dict[str, float] = {}
    while True:
        stack.emulator.component.check()
        _revive(stack, dead, narrator, time.monotonic())
        time.sleep(1)


def _revive(stack: ClusterStack, dead: dict[str, float], narrator: Narrator, now: float) -> None:
    """Start again who has died, as a supervisor of services would, but late enough to watch the others take over."""
    for name in [name for name, component in stack.components.items() if not component.is_running()]:
        narrator.say(f"died; the others take its work over. It is started again in {ABSENCE:.0f} s", name)
        stack.components.pop(name).stop()
        dead[name] = now
    for name in [name for name, since in dead.items() if now - since >= ABSENCE]:
        del dead[name]
        stack.start_member(name)
        narrator.say("started again", name)


def _describe(stack: ClusterStack, narrator: Narrator) -> None:
    members = "\n".join(
        f"  {name:<13} process {component.pid:<8} {' and '.join(QUEUES.get(name, ()))}"
        for name, component in sorted(stack.components.items())
    )
    narrator.console.print(
        f"\nAirflow's UI:     {stack.url}  (user {USER}, password {PASSWORD})\n"
        f"Emulator:         {stack.emulator.url}  (its trainings and renderings)\n"
        f"The DAGs are in example_dags/. Trigger one in the UI, then end a process as a power cut would\n"
        f"(kill -9 -- -<its number>): others take its work over within a minute, and no training is paid twice.\n"
        f"Its parts, and the queues that they serve:\n{members}\n"
        f"Logs:             {stack.logs}\n"
        f"Ctrl-C ends it all.\n",
        markup=False,
    )


if __name__ == "__main__":
    sys.exit(main())
