# SPDX-License-Identifier: Apache-2.0
"""
Do the tests notice when a promise about money goes away? Each mutation removes one, in a copy of the tree; its tests must fail.

``make mutations`` runs all of them, ``python -m dev.mutations NAME ...`` those, ``--list`` shows them. It ends with 1 when one
survives. Tests of the random lives run as they do in ``make test``: the same lives each time.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "airflow_provider_dreambooth"
#: What a test of the provider needs.
COPIED = (PACKAGE, "dev", "example_dags", "tests", "pyproject.toml", "README.md")
#: Seconds after which a mutation that makes its tests hang counts as found.
LONGEST = 900.0

_LIVES = "tests/unit/operators/test_paid_once_"


@dataclass(frozen=True)
class Mutation:
    """
    One promise, removed.

    :param name: short, for the command line.
    :param removes: what the provider no longer does.
    :param old: a text that occurs exactly once in the package, in whichever file.
    :param new: what takes its place.
    :param tests: what must fail.
    """

    name: str
    removes: str
    old: str
    new: str
    tests: str


MUTATIONS = (
    Mutation(
        "refused-forgets",
        "a refusal leaves the earlier training's record as it was",
        "        return replace(before, queued_until=self._deadline) if queue_full else before\n",
        "        return replace(record.ended(Ending.NOT_ACCEPTED, reason), earlier=None)\n",
        _LIVES + "changes.py",
    ),
    Mutation(
        "cancelled-first",
        "the earlier training is cancelled only when the new one is accepted",
        "        self._sends += 1\n",
        "        self._sends += 1\n"
        "        if record.earlier is not None and self._hook.environment.has_cancel:\n"
        "            self._hook.cancel_training(record.earlier.training_id)\n",
        _LIVES + "changes.py",
    ),
    Mutation(
        "intent-forgets",
        "the record of the request keeps the earlier training",
        "earlier=None if before is None or before.known is None else _as_earlier(before.known)",
        "earlier=None",
        _LIVES + "changes.py",
    ),
    Mutation(
        "moved-pays",
        "the status is asked first where the connection has moved",
        "    if record.ending is not None and record.ending is not Ending.READY:\n",
        '    if situation.moved(record):\n        return Submit("moved")\n'
        "    if record.ending is not None and record.ending is not Ending.READY:\n",
        _LIVES + "accounts.py",
    ),
    Mutation(
        "other-key-settles",
        "only the account whose key sent a request settles its lost answer",
        "        and situation.same_key(record)\n",
        "",
        _LIVES + "accounts.py",
    ),
    Mutation(
        "other-key-cancels",
        "an earlier training is cancelled only with the key that started it",
        "    elif not situation.same_key(earlier):",
        "    elif False:",
        _LIVES + "accounts.py",
    ),
    Mutation(
        "adopted-is-cancelled",
        "a training that was inferred is never cancelled",
        "record.with_training(step.training_id, adopted=True)",
        "record.with_training(step.training_id)",
        _LIVES + "accounts.py",
    ),
    Mutation(
        "list-believed",
        "the list settles only when it is known to show running trainings",
        "if listing.models is None or not listing.shows_running:",
        "if listing.models is None:",
        _LIVES + "lists.py",
    ),
    Mutation(
        "rows-without-id",
        "a row without an id may be the lost training",
        "sum(model.model_id is None for model in rows)",
        "0",
        _LIVES + "lists.py",
    ),
    Mutation(
        "lag-is-final",
        "a training that was accepted a moment ago may not be known yet",
        "    if not was_ready and situation.now - record.intent_at < LAGS_FOR:",
        "    if False:",
        _LIVES + "lists.py",
    ),
    Mutation(
        "no-patience",
        "storing the id is tried for minutes",
        "if self.clock() - began >= STORED_WITHIN:",
        "if True:",
        _LIVES + "stores.py",
    ),
    Mutation(
        "registry-not-read",
        "an id that only the registry could hold is read back",
        "self._with_record(situation, self._id_from_registry(situation.record))",
        "self._with_record(situation, situation.record)",
        _LIVES + "stores.py",
    ),
    Mutation(
        "error-is-absence",
        "a record that cannot be read is never taken for no record",
        '        return _answered("read", key, lambda: self._accessor.get(key))\n',
        "        try:\n"
        "            return self._accessor.get(key)\n"
        "        except Exception:\n"
        "            return None\n",
        _LIVES + "stores.py",
    ),
    Mutation(
        "not-checked-before",
        "the record is read again before the intent is written",
        "if not same(self._store.load(), self._before) or",
        "if",
        _LIVES + "two_tries.py",
    ),
    Mutation(
        "not-checked-after",
        "the intent is read again before the request is sent",
        "        if not ours:\n",
        "        if False:\n",
        _LIVES + "two_tries.py",
    ),
    Mutation(
        "stale-intent",
        "an intent that is older than seconds is not followed by its request",
        "        if self._clock() - checked_at <= FRESH_FOR:\n",
        "        if True:\n",
        _LIVES + "two_tries.py",
    ),
    Mutation(
        "overwrites",
        "a record that another try has changed is not written over",
        "        if not same(self.store.load(), before):\n",
        "        if False:\n",
        _LIVES + "two_tries.py",
    ),
    Mutation(
        "cap-not-counted",
        "a cap on trainings a day is kept",
        "        if cap is None:\n            return record\n",
        "        if True:\n            return record\n",
        _LIVES + "cap.py",
    ),
    Mutation(
        "cap-and-one-more",
        "the cap is not exceeded by one",
        "    if len(entries) <= cap:",
        "    if len(entries) <= cap + 1:",
        _LIVES + "cap.py",
    ),
    Mutation(
        "cap-by-connection",
        "the cap counts an account over all its host names and connections",
        "            or key_digest.is_of(entry.key_digest, settings)\n",
        "",
        _LIVES + "cap.py",
    ),
    Mutation(
        "cap-by-key",
        "the cap counts a connection over its keys, as they are renewed",
        "            or (entry.connection == connection and registry.is_here(entry))\n",
        "",
        _LIVES + "cap.py",
    ),
    Mutation(
        "killed-by-a-stall",
        "a process that stood still cancels nothing",
        "    if facts.stalled:\n",
        "    if False:\n",
        _LIVES + "kills.py",
    ),
    Mutation(
        "killed-by-fail-fast",
        "a task that failed with another one in a DAG with fail_fast keeps its training",
        "    if facts.failed_elsewhere:\n",
        "    if False:\n",
        _LIVES + "kills.py",
    ),
    Mutation(
        "killed-in-doubt",
        "where it is not known whether fail_fast failed the task, nothing is cancelled",
        "    if facts.failed_elsewhere is None:\n",
        "    if False:\n",
        _LIVES + "kills.py",
    ),
    Mutation(
        "killed-by-a-newer-try",
        "a newer try that fails does not cancel for this one",
        "    if not facts.same_try:\n",
        "    if False:\n",
        _LIVES + "kills.py",
    ),
    Mutation(
        "killed-by-the-deadline",
        "a timeout is no order of a person",
        "    if facts.end_time is not None and facts.now >= facts.end_time:\n",
        "    if False:\n",
        _LIVES + "kills.py",
    ),
    Mutation(
        "killed-whatever-state",
        "only a task that is failed has its training cancelled",
        '    if facts.task_state != "failed":\n',
        "    if False:\n",
        _LIVES + "kills.py",
    ),
    Mutation(
        "adopted-is-killed",
        "a person who marks a task failed does not cancel a training that was inferred",
        "self._task.cancel_on_kill and not self._adopted",
        "self._task.cancel_on_kill",
        _LIVES + "accounts.py",
    ),
    Mutation(
        "adopted-times-out",
        "a timeout does not cancel a training that was inferred",
        "            elif known.adopted:\n",
        "            elif False:\n",
        _LIVES + "accounts.py",
    ),
    # Below are promises of other parts, which the model of the service stands in for: the hook, the transport, the reading of
    # answers, the stores of an older Airflow, and renderings. Their own tests hold them.
    Mutation(
        "rotated-key",
        "a wait whose key is refused reads the connection again",
        "            if not self.reread():\n",
        "            if True:\n",
        "tests/unit/hooks/test_dreambooth.py",
    ),
    Mutation(
        "duplicate-halts",
        "the filter for repeated requests does not pause the account",
        "    if _SAME_REQUEST.search(text) or _ACCOUNT.search(text):\n        return not _SAME_REQUEST.search(text)\n",
        "",
        "tests/unit/api/test_errors.py",
    ),
    Mutation(
        "old-store-errs",
        "below Airflow 3.3 a Variable counts as absent only when the database has answered",
        "        if text is None and self._database_answers(name):\n",
        "        if False:\n",
        "tests/unit/runtime/test_state_store.py",
    ),
    Mutation(
        "rendered-twice",
        "a billed rendering is sent again only when nothing was accepted",
        "        training_id=request.models[-1],\n        repeat=Repeat.ONLY_IF_NOT_ACCEPTED,\n",
        "        training_id=request.models[-1],\n",
        "tests/unit/hooks/test_inference_api.py",
    ),
    Mutation(
        "try-not-numbered",
        "a try that finds its training leaves its number, so that an older one notices",
        "            try_number=situation.try_number,\n            fingerprint=situation.fingerprint,\n",
        "            fingerprint=situation.fingerprint,\n",
        _LIVES + "two_tries.py",
    ),
    Mutation(
        "end-overwrites",
        "the end of an older wait is not written over the record of a newer try",
        "        if same(self.load(), before):\n            self.save(record)\n",
        "        self.save(record)\n",
        "tests/unit/training/test_run.py",
    ),
    Mutation(
        "end-deletes",
        "the record of a newer try is not deleted at the end of an older wait",
        "        elif same(self.load(), before):",
        "        else:",
        "tests/unit/training/test_run.py",
    ),
    Mutation(
        "end-of-another",
        "the end of one training is not written into the record of another",
        "        if known is not None and known.training_id != ended.training_id:",
        "        if False:",
        "tests/unit/training/test_run.py",
    ),
    Mutation(
        "kept-over-another",
        "what could not be written for a while is not written over the record of a newer try",
        "                if not self._is_ours(over, if_unknown=True):\n                    return False\n",
        "",
        "tests/unit/training/test_bookkeeping.py",
    ),
    Mutation(
        "restored-as-older",
        "what a frozen try overwrote is put back with the newer try's number of clears",
        "max_tries=record.max_tries if paid.max_tries is None else paid.max_tries,",
        "max_tries=record.max_tries,",
        _LIVES + "two_tries.py",
    ),
)


def copied(to: Path) -> None:
    """Copy what is needed to run the tests."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, to / name)


def place_of(mutation: Mutation, tree: Path = ROOT) -> Path:
    """
    Return the file that has a mutation's text.

    :raises LookupError: not exactly one place has it, so that the mutation has to be written again.
    """
    texts = {file: file.read_text() for file in (tree / PACKAGE).rglob("*.py")}
    found = [file for file, text in texts.items() for _ in range(text.count(mutation.old))]
    if len(found) != 1:
        raise LookupError(f"{mutation.name}: its text occurs {len(found)} times: {mutation.old!r}")
    return found[0]


def survives(mutation: Mutation, tree: Path) -> tuple[bool, str]:
    """
    Run a mutation's tests on it.

    :param tree: a copy, which is left as it was.
    :return: whether they still pass, and what they say.
    """
    try:
        place = place_of(mutation, tree)
    except LookupError as error:
        raise SystemExit(str(error)) from None
    text = place.read_text()
    place.write_text(text.replace(mutation.old, mutation.new))
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", mutation.tests]
    try:
        run = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=LONGEST, check=False)
    except subprocess.TimeoutExpired:
        return False, "its tests hang"
    finally:
        place.write_text(text)
    if run.returncode not in (0, 1):
        raise SystemExit(f"{mutation.name}: the tests could not be run\n{run.stdout}{run.stderr}")
    errors = re.findall(r"^E +(\w*(?:Error|Exception)\b.*)$", run.stdout, re.MULTILINE)
    return run.returncode == 0, errors[0][:160] if errors else run.stdout.strip().splitlines()[-1]


def main() -> int:
    """Run the mutations that are asked for."""
    parser = argparse.ArgumentParser(prog="python -m dev.mutations", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="show them, run nothing")
    arguments = parser.parse_args()
    chosen = [item for item in MUTATIONS if not arguments.names or item.name in arguments.names]
    if arguments.list:
        for mutation in chosen:
            print(f"{mutation.name:22} {mutation.removes} ({mutation.tests})")
        return 0
    left: list[str] = []
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        tree = Path(folder)
        copied(tree)
        for mutation in chosen:
            began = time.monotonic()
            lives_on, said = survives(mutation, tree)
            if lives_on:
                left.append(mutation.name)
            word = "SURVIVES" if lives_on else "found"
            print(f"{mutation.name:22} {word:8} {time.monotonic() - began:4.0f} s  {said}", flush=True)
    if left:
        print(f"Nothing notices when these promises go away: {', '.join(left)}")
    return bool(left)


if __name__ == "__main__":
    sys.exit(main())
