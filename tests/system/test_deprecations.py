# SPDX-License-Identifier: Apache-2.0
"""No deprecation warning in the logs of a real Airflow comes from us."""

from __future__ import annotations

import re
from collections.abc import Iterator

import airflow_provider_dreambooth
from tests.examples import EXAMPLES
from tests.system.stack import SystemStack

#: Python's own form, ``file.py:12: DeprecationWarning: text``, and Airflow 3's, which names both in its own way. The newest
#: says ``UserWarning`` of all that a DAG file brings about when it is read: so any category counts.
_CATEGORY = re.compile(r"\b\w*Warning\b")
#: Our files; Airflow 2 reads the examples through a link.
_OURS = (f"{airflow_provider_dreambooth.__path__[0]}/", f"{EXAMPLES}/", f"/dags/{EXAMPLES.name}/")
#: What the DAG and the trigger that are made for it bring about, in the files ``old_fashioned*.py``.
_PROOF = {
    "old-fashioned when the DAG is read",
    "old-fashioned on a worker",
    "old-fashioned in the triggerer",
    "old-fashioned after the wait",
}


def warnings_of(stack: SystemStack) -> Iterator[str]:
    """Every line of a log that tells of a warning of Python's."""
    for path in stack.log_files():
        for line in path.read_text(errors="replace").splitlines():
            if _CATEGORY.search(line):
                yield f"{path}: {line}"


def test_no_deprecation_warning_is_ours(finished: SystemStack) -> None:
    client = finished.client
    client.wait_for_dag("old_fashioned")
    run = client.trigger("old_fashioned", "deprecations")
    assert client.wait_for_run("old_fashioned", run) == "success", client.describe("old_fashioned", run)
    found = list(warnings_of(finished))
    proof = {text for text in _PROOF if any(text in line and "old_fashioned" in line for line in found)}
    assert proof == _PROOF, "the search looks in the wrong place"
    assert [line for line in found if any(part in line for part in _OURS)] == []
