# SPDX-License-Identifier: Apache-2.0
"""A process that stood still for long notices it when it wakes."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.runtime import stall
from airflow_provider_dreambooth.runtime.stall import REMEMBERED, StallDetector


def test_a_process_that_beats_has_not_stalled() -> None:
    detector = StallDetector(30.0, now=0.0)
    for now in range(0, 3600, 7):
        detector.beat(float(now))
    assert not detector.stalled(3600.0)


def test_a_process_that_wakes_has_stalled_before_its_first_beat() -> None:
    assert StallDetector(30.0, now=0.0).stalled(30.0)


def test_a_stall_is_remembered_while_a_kill_may_be_its_consequence() -> None:
    detector = StallDetector(30.0, now=0.0)
    detector.beat(400.0)
    for now in range(400, 400 + int(REMEMBERED), 7):
        detector.beat(float(now))
        assert detector.stalled(float(now))
    detector.beat(400.0 + REMEMBERED)
    assert not detector.stalled(400.0 + REMEMBERED)


def test_a_process_whose_supervisor_is_stopped_does_not_beat(mocker: MockerFixture) -> None:
    mocker.patch("time.time", return_value=100.0)
    stopped = mocker.patch.object(stall, "_parent_is_stopped", return_value=True)
    detector = StallDetector(30.0, now=0.0)
    detector.check()
    assert detector.stalled(100.0)
    stopped.return_value = False
    beating = StallDetector(30.0, now=90.0)
    beating.check()
    assert not beating.stalled(129.0)


@pytest.mark.skipif(
    not Path("/proc/self/stat").exists(), reason="only Linux tells whether a process is stopped"
)
def test_a_stopped_supervisor_is_seen(mocker: MockerFixture) -> None:
    program = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        mocker.patch("os.getppid", return_value=parent.pid)
        assert not stall._parent_is_stopped()
        parent.send_signal(signal.SIGSTOP)
        os.waitpid(parent.pid, os.WUNTRACED)
        assert stall._parent_is_stopped()
        parent.kill()


def test_without_such_files_no_supervisor_is_stopped(mocker: MockerFixture) -> None:
    mocker.patch("os.getppid", return_value=2**30)
    assert not stall._parent_is_stopped()


@pytest.mark.parametrize(
    ("configured", "limit"), [("300", stall.WORKER_LIMIT), ("60", 30.0), ("10", 5.0)], ids=str
)
def test_half_of_airflows_heartbeat_timeout_is_a_stall(
    configured: str, limit: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT", configured)
    with stall.watched_worker() as detector:
        assert detector.limit == limit


async def test_all_triggers_of_an_event_loop_share_one_detector_which_ends_with_them(
    mocker: MockerFixture,
) -> None:
    loop = asyncio.get_running_loop()
    later = mocker.patch.object(loop, "call_later")
    first, second = stall.watched_event_loop(), stall.watched_event_loop()
    assert first is second
    (beat,) = [call.args for call in later.call_args_list]
    beat[1](*beat[2:])
    assert later.call_count == 2
    del first, second
    gc.collect()
    beat[1](*beat[2:])
    assert later.call_count == 2
