"""What the free text beside a stage tells: step, steps to go, time left.

The text is a hint and nothing more: step numbers repeat, ETAs go up as well as down, units and capitals
vary (reference 4.3, quirk Q9). A text that says nothing is a valid text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SEPARATOR = re.compile(r"(?:\s|^)/n(?=\s|$)|\r?\n")
_STEP = re.compile(
    r"step\s*:?\s*(?P<step>\d+)\s*(?P<title>[^,|]*?)\s*,\s*(?P<left>\d+)\s+(?:more\s+)?steps?\s+to\s+go", re.IGNORECASE
)
_NUMBER = r"(?P<number>\d+(?:\.\d+)?)"
_UNIT = r"(?P<unit>h(?:ou)?rs?|min(?:ute)?s?|sec(?:ond)?s?)\b"
_ETA = re.compile(rf"eta\s*:?\s*{_NUMBER}\s*{_UNIT}", re.IGNORECASE)
_DURATION = re.compile(rf"{_NUMBER}\s*{_UNIT}", re.IGNORECASE)
_ELAPSED = re.compile(r"time elapsed.*$", re.IGNORECASE)


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
    """Split a log at `` /n `` or at newlines and drop the blank pieces."""
    return tuple(piece.strip() for piece in _SEPARATOR.split(text) if piece.strip())


def _seconds(match: re.Match[str]) -> float:
    unit = match["unit"].lower()
    factor = 3600.0 if unit.startswith("h") else 60.0 if unit.startswith("m") else 1.0
    return float(match["number"]) * factor


def read_eta(text: str) -> float | None:
    """
    Return the time left that a text announces, in seconds.

    The last ``ETA : <number> <unit>`` counts; without one, the first number before a unit of time, as in
    *it will take upto 25 minutes.* Time elapsed is not time left.
    """
    last = None
    for last in _ETA.finditer(text):
        pass
    if last is None:
        last = _DURATION.search(_ELAPSED.sub("", text))
    return None if last is None else _seconds(last)


def read_progress(text: str) -> Progress:
    """Read a status log or the sentence of a create answer."""
    lines = split_log(text)
    if not lines:
        return Progress()
    step = left = title = None
    for line in lines:
        match = _STEP.search(line)
        if match:
            step, left = int(match["step"]), int(match["left"])
            title = match["title"].strip() or None
    finished = "loaded successfully" in lines[-1].lower()
    return Progress(
        lines=lines,
        step=step,
        steps_to_go=0 if finished else left,
        title=title,
        eta=0.0 if finished else read_eta("\n".join(lines)),
    )
