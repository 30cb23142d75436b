"""Trainings of the emulator beside the stack: which there are, and what becomes of them."""

from __future__ import annotations

import time

import requests

from tests.system.stack import SystemStack


def known_ids(stack: SystemStack) -> set[str]:
    """Return the ids of all trainings that the emulator has."""
    return {training["training_id"] for training in stack.emulator.trainings()}


def new_training(stack: SystemStack, before: set[str], timeout: float = 120.0) -> str:
    """Return the id of a training that was not there before, as soon as there is one."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        for training_id in known_ids(stack) - before:
            return training_id
        time.sleep(0.2)
    raise TimeoutError("no training was started")


def control(stack: SystemStack, training_id: str, **wish: str) -> None:
    """Let a training go on, stop or end, as the emulator's control interface takes it."""
    url = f"{stack.emulator.url}/emulator/trainings/{training_id}"
    requests.post(url, json=wish, timeout=30).raise_for_status()
