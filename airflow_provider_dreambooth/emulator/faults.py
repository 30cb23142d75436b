# SPDX-License-Identifier: Apache-2.0
"""Bad answers on demand: a book of rules, each of which spoils some calls of some endpoints."""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any

from airflow_provider_dreambooth.emulator.answers import Answer, Answers, as_json
from airflow_provider_dreambooth.emulator.fault_answers import FIXED, REWRITTEN, rewritten
from airflow_provider_dreambooth.emulator.vocabulary import ENDPOINT_GROUPS, ENDPOINTS

# Kinds that only hold the answer back; what follows is the real answer.
_DELAYS = ("delay", "timeout")
# Kinds that break the connection.
BROKEN = ("cut", "truncated")
KINDS: tuple[str, ...] = (*FIXED, *REWRITTEN, *_DELAYS, *BROKEN)
# Longer than any sensible client waits; the connection ends when the client gives up.
_TIMEOUT_SECONDS = 3600.0


_MOST_RULES = 1000
_HEADER = re.compile(r"[A-Za-z0-9-]+: [\x20-\x7e]*\Z")


class FaultRuleError(ValueError):
    """A fault rule that makes no sense; the text says why."""


@dataclasses.dataclass(slots=True)
class FaultRule:
    """One rule.

    :param endpoint: an endpoint's name, a group's, or ``*``.
    :param kind: one of :data:`KINDS`.
    :param when: ``before`` the call is carried out (nothing is accepted) or ``after`` it.
    :param times: how many calls it spoils; ``None`` for all.
    :param after: how many matching calls it lets pass first.
    :param training_id: only calls whose path ends in this id.
    :param seconds: length of a delay, or what a rate limit asks for.
    :param status: another HTTP code.
    :param body: another body: text as it is, anything else as JSON.
    :param headers: further headers.
    """

    endpoint: str
    kind: str
    when: str = "before"
    times: int | None = None
    after: int = 0
    training_id: str | None = None
    seconds: float | None = None
    status: int | None = None
    body: Any = None
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    rule_id: int = 0
    matched: int = 0
    applied: int = 0

    @classmethod
    def from_json(cls, value: Any) -> FaultRule:
        """Read a rule."""
        if not isinstance(value, dict):
            raise FaultRuleError("a fault rule is a JSON object")
        given = dict(value)
        if "delay" in given:
            given.setdefault("seconds", given.pop("delay"))
        names = {field.name for field in dataclasses.fields(cls)} - {"rule_id", "matched", "applied"}
        unknown = sorted(set(given) - names)
        if unknown:
            raise FaultRuleError(f"unknown fields {unknown}; known are {sorted(names)}")
        given.setdefault("endpoint", "*")
        if not all(isinstance(given.get(name, ""), str) for name in ("kind", "endpoint", "when")):
            raise FaultRuleError("kind, endpoint and when are texts")
        if given.get("kind") not in KINDS:
            raise FaultRuleError(f"kind must be one of {list(KINDS)}")
        known = {"*", *ENDPOINTS, *ENDPOINT_GROUPS}
        if given["endpoint"] not in known:
            raise FaultRuleError(f"endpoint must be one of {sorted(known)}")
        if given.get("when", "before") not in ("before", "after"):
            raise FaultRuleError("when must be before or after")
        for name in ("times", "after", "seconds", "status"):
            number = given.get(name)
            if number is None:
                continue
            whole = name != "seconds"
            if isinstance(number, bool) or not isinstance(number, int if whole else (int, float)):
                raise FaultRuleError(f"{name} must be a {'whole ' if whole else ''}number")
            if not 0 <= number <= 1e9 or (name == "status" and not 200 <= number <= 599):
                raise FaultRuleError(f"{name} is out of range")
        headers = given.get("headers", {})
        if not isinstance(headers, dict):
            raise FaultRuleError("headers must be an object")
        if not all(_HEADER.match(f"{header}: {text}") for header, text in headers.items()):
            raise FaultRuleError("headers must be printable ASCII")
        return cls(**given)

    def covers(self, endpoint: str, ident: str) -> bool:
        """Tell whether a call is one of those the rule is about."""
        if self.training_id is not None and self.training_id != ident:
            return False
        return self.endpoint in ("*", endpoint) or endpoint in ENDPOINT_GROUPS.get(self.endpoint, ())

    def is_used_up(self) -> bool:
        """Tell whether the rule has nothing left to spoil."""
        return self.times is not None and self.applied >= self.times

    def hold_seconds(self) -> float:
        """Return how long the answer is held back."""
        if self.kind == "timeout":
            return _TIMEOUT_SECONDS if self.seconds is None else self.seconds
        if self.kind == "delay":
            return 1.0 if self.seconds is None else self.seconds
        return 0.0

    def spoiled(self, answers: Answers) -> Answer | None:
        """Return the bad answer, or None where the real one follows.

        :param answers: writes bodies in the emulator's present spelling.
        """
        real_follows = self.kind in _DELAYS or self.kind in REWRITTEN
        if real_follows and self.status is None and self.body is None:
            return None
        answer = FIXED.get(self.kind, FIXED["custom"])(answers, 30 if self.seconds is None else self.seconds)
        if self.status is not None:
            answer.http_status = self.status
        if self.body is not None:
            answer.body = self.body.encode() if isinstance(self.body, str) else as_json(self.body)
        if self.headers:
            own = {name.lower().encode(): str(value).encode() for name, value in self.headers.items()}
            kept = tuple(pair for pair in answer.headers if pair[0] not in own)
            answer.headers = (*kept, *own.items())
        return answer

    def over(self, real: Answer) -> Answer:
        """Return the real answer as it is sent when the call was carried out.

        :param real: what the call led to.
        """
        return rewritten(self.kind, real) if self.kind in REWRITTEN else real


class FaultBook:
    """The rules in force, oldest first; a call is spoiled by the first that applies."""

    def __init__(self) -> None:
        self.rules: list[FaultRule] = []
        self._next_id = 1

    def add(self, value: Any) -> FaultRule:
        """Add a rule."""
        rule = FaultRule.from_json(value)
        if len(self.rules) >= _MOST_RULES:
            raise FaultRuleError(f"there are {_MOST_RULES} rules already; clear them first")
        rule.rule_id = self._next_id
        self._next_id += 1
        self.rules.append(rule)
        return rule

    def clear(self) -> None:
        """Forget all rules."""
        self.rules.clear()

    def take(self, endpoint: str, ident: str) -> FaultRule | None:
        """Count a call against the rules and return the one that spoils it."""
        taken: FaultRule | None = None
        for rule in self.rules:
            if not rule.covers(endpoint, ident):
                continue
            rule.matched += 1
            if taken is None and rule.matched > rule.after and not rule.is_used_up():
                taken = rule
        if taken is not None:
            taken.applied += 1
        return taken

    def description(self) -> list[dict[str, Any]]:
        """Return all rules with their counts."""
        listed = [dataclasses.asdict(rule) for rule in self.rules]
        return [json.loads(json.dumps(rule, default=str)) for rule in listed]
