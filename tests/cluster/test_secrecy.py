# SPDX-License-Identifier: Apache-2.0
"""The last of them: what all the others have left behind."""

from __future__ import annotations

from tests.cluster.stack import BreakableCluster


def test_the_key_is_in_no_log_and_in_no_cell_of_the_database(cluster: BreakableCluster, api_key: str) -> None:
    logs = {path: path.read_text(errors="replace") for path in cluster.log_files()}
    cells = list(cluster.cells())
    some = cluster.emulator.trainings()[0]["training_id"]
    assert any(some in text for text in logs.values()), "the search looks in the wrong place"
    assert any(some in text for _, _, text in cells), "the search looks in the wrong place"
    assert [str(path) for path, text in logs.items() if api_key in text] == []
    assert [(table, column) for table, column, text in cells if api_key in text] == []
