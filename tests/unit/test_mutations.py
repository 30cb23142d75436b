# SPDX-License-Identifier: Apache-2.0
"""The table of mutations fits the code: each takes away what is there, and names tests that exist."""

from __future__ import annotations

import pytest

from dev.mutations import MUTATIONS, ROOT, Mutation, place_of


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_mutation_changes_one_place_and_leaves_python(mutation: Mutation) -> None:
    place = place_of(mutation)
    text = place.read_text()
    changed = text.replace(mutation.old, mutation.new)
    assert changed != text
    compile(changed, str(place), "exec")
    assert (ROOT / mutation.tests).is_file()


def test_mutations_have_names_of_their_own() -> None:
    names = [mutation.name for mutation in MUTATIONS]
    assert len(set(names)) == len(names)
