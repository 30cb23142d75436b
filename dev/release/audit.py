# SPDX-License-Identifier: Apache-2.0
"""Known vulnerabilities of what the provider pulls in, by the tool of the Python Packaging Authority."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from dev.release.build import PROJECT

#: Exit code for "nothing is known, since nobody could be asked"; never mistaken for "nothing was found".
NOT_ASKED = 3


def audit() -> int:
    """Return 0 when no package has a known vulnerability, 1 when one has, :data:`NOT_ASKED` otherwise."""
    uv = str(Path(sys.executable).with_name("uv"))
    with tempfile.TemporaryDirectory() as folder:
        names = Path(folder) / "needed.txt"
        compile_ = [
            uv,
            "pip",
            "compile",
            "--quiet",
            "--no-header",
            "--no-annotate",
            "--python-version",
            "3.11",
        ]
        compile_ += ["--no-emit-index-url", "--no-emit-find-links", "--extra", "emulator"]
        compile_ += ["--constraint", "dev/constraints.txt", "--output-file", str(names), "pyproject.toml"]
        subprocess.run(compile_, cwd=PROJECT, check=True)
        command = [uv, "tool", "run", "--from", "pip-audit", "pip-audit", "--requirement", str(names)]
        command += [
            "--no-deps",
            "--disable-pip",
            "--vulnerability-service",
            "osv",
            "--progress-spinner",
            "off",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        print(done.stdout + done.stderr)
        return 0
    if "Traceback" in done.stderr or "ConnectionError" in done.stderr or not done.stdout.strip():
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        print(
            f"The audit could not be made: the advisory service gave no answer.\n{last[:500]}",
            file=sys.stderr,
        )
        return NOT_ASKED
    print(done.stdout + done.stderr)
    return 1
