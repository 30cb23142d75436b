# SPDX-License-Identifier: Apache-2.0
"""What the free text beside a stage tells: step, steps to go, time left.

The text is a hint and nothing more: step numbers repeat, ETAs go up as well as down, units and capitals
vary (reference 4.3, quirk Q9). A text that says nothing is a valid text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from airflow_provider_dreambooth.api.answer import printable

_SEPARATOR = re.compile(r"(?:\s|^)/n(?=\s|$|Step)|[\r\n]+")
_STEP = re.compile(
    r"\bstep ?:? ?(?P<step>[0-9]{1,6}) ?(?P<title>[^,|]{0,80}?) ?,"
    r" ?(?P<left>[0-9]{1,6}) (?:more )?steps? to go",
    re.IGNORECASE,
)
_NUMBER = r"(?P<number>[0-9]{1,9}(?:\.[0-9]{1,9})?)"
_UNIT = r"(?P<unit>h(?:ou)?rs?|min(?:ute)?s?|sec(?:ond)?s?)\b"
#: A bare 0 needs no unit: the trainer announces it on failure.
_ETA = re.compile(rf"\beta ?:? ?(?:{_NUMBER} ?{_UNIT}|(?P<nothing>0)(?![0-9.]))", re.IGNORECASE)
_DURATION = re.compile(rf"(?<![0-9.]){_NUMBER} ?{_UNIT}", re.IGNORECASE)
_ELAPSED = re.compile(r"time elapsed[^|]*", re.IGNORECASE)
#: The last stage is at the end, and a log of the documented form is a few hundred characters long.
_LONGEST_READ = 20_000
#: Up to so many characters a text, and so many texts, what was read is remembered.
_REMEMBERED_LENGTH, _REMEMBERED_TEXTS = 1000, 256


@dataclass(frozen=True)
class Progress:
    """
    What one log text tells.

    :param lines: the pieces of the log, in order, without separators and blanks.
    :param step: number of the last step named, ``None`` when the text names none.
    :param steps_to_go: steps after it.
    :param title: the last step's title, such as ``Model Uploading``.
    :param eta: seconds left as last announced, ``None`` when the text announces none.
    """

    lines: tuple[str, ...] = ()
    step: int | None = None
    steps_to_go: int | None = None
    title: str | None = None
    eta: float | None = None


def split_log(text: str) -> tuple[str, ...]:
    """
    Split a log at `` /n `` or at newlines and drop the blank pieces.

    :param text: the log; of a very long one only the end is read.
    :return: the pieces without control characters, each blank a single space.
    """
    pieces = (printable(piece) for piece in _SEPARATOR.split(text[-_LONGEST_READ:]))
    return tuple(piece for piece in pieces if piece)


def _seconds(match: re.Match[str]) -> float:
    if match.groupdict().get("nothing"):
        return 0.0
    unit = match["unit"].lower()
    factor = 3600.0 if unit.startswith("h") else 60.0 if unit.startswith("m") else 1.0
    return float(match["number"]) * factor


def read_eta(text: str) -> float | None:
    """
    Return the time left that a text announces, in seconds.

    The last ``ETA : <number> <unit>`` counts; without one, the first number before a unit of time, as in
    *it will take upto 25 minutes.* Time elapsed is not time left.
    """
    return _eta_in(split_log(text))


def _eta_in(lines: tuple[str, ...]) -> float | None:
    for line in reversed(lines):
        announced = list(_ETA.finditer(line))
        if announced:
            return _seconds(announced[-1])
    for line in lines:
        duration = _DURATION.search(_ELAPSED.sub("", line))
        if duration:
            return _seconds(duration)
    return None


def read_progress(text: str) -> Progress:
    """
    Read a status log or the sentence of a create answer.

    Thousands of waiting tasks get few different texts, and mostly the same as at the poll before.
    """
    return _read_short(text) if len(text) <= _REMEMBERED_LENGTH else _read(text)


def _read(text: str) -> Progress:
    lines = split_log(text)
    if not lines:
        return Progress()
    step = left = title = None
    for line in lines:
        for match in _STEP.finditer(line):
            step, left = int(match["step"]), int(match["left"])
            title = match["title"].strip() or None
    finished = "loaded successfully" in lines[-1].lower()
    return Progress(
        lines=lines,
        step=step,
        steps_to_go=0 if finished else left,
        title=title,
        eta=0.0 if finished else _eta_in(lines),
    )


_read_short = lru_cache(_REMEMBERED_TEXTS)(_read)
