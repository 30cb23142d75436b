# SPDX-License-Identifier: Apache-2.0
"""The page on security promises nothing that no test shows."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "security.md"


def test_every_test_that_the_page_names_exists() -> None:
    written = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    assert len(written) > 30
    sources = "\n".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
    assert written - set(re.findall(r"def (test_\w+)\(", sources)) == set()


def test_every_sentence_about_what_nobody_can_do_names_a_test() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("|") and "---" not in line]
    promises = [row for row in rows if not row.startswith("| cannot")]
    assert len(promises) > 15
    assert [row for row in promises if "test_" not in row.split("|")[2]] == []
