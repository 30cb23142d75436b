# SPDX-License-Identifier: Apache-2.0
"""``python -m dev.release``: build twice and compare, check, install, audit, table of dependencies."""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
from pathlib import Path

from dev.release import audit, check, dependencies, installation
from dev.release.build import PROJECT, build, head

DIST = PROJECT / "dist"


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def build_and_check() -> int:
    """Build twice, compare, check; wheel and source archive are in ``dist/`` afterwards."""
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        commit = head()
        one, two = build(Path(first), commit), build(Path(second), commit)
        for left, right in zip(one, two, strict=True):
            if _digest(left) != _digest(right):
                print(f"{left.name}: two builds of one commit differ", file=sys.stderr)
                return 1
        wheel, source = one
        problems = [f"{wheel.name}: {problem}" for problem in check.check_wheel(wheel, commit)]
        problems += [f"{source.name}: {problem}" for problem in check.check_source(source, commit)]
        if problems:
            print("\n".join(problems), file=sys.stderr)
            return 1
        DIST.mkdir(exist_ok=True)
        for path in one:
            shutil.copy(path, DIST)
            print(f"{_digest(path)}  dist/{path.name}")
    return 0


def install() -> int:
    """Install the wheel in ``dist/`` without extras and with each."""
    (wheel,) = DIST.glob("*.whl")
    for extra in (None, *installation.users_extras()):
        installation.try_installation(wheel, extra)
        print(
            f"Installs {'without extras' if extra is None else f'with {extra}'}, and Airflow lists it.",
            flush=True,
        )
    return 0


def main() -> int:
    """Do what the argument says."""
    parser = argparse.ArgumentParser(prog="python -m dev.release", description=__doc__)
    parser.add_argument("command", choices=("build", "install", "audit", "dependencies"))
    command = parser.parse_args().command
    if command == "build":
        return build_and_check()
    if command == "install":
        return install()
    if command == "audit":
        return audit.audit()
    dependencies.PAGE.write_text(dependencies.page())
    return 0


if __name__ == "__main__":
    sys.exit(main())
