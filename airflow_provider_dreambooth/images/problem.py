"""What is wrong with the pictures: collected one by one, told in one error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothTransientError,
    DreamboothValidationError,
)

_NOTHING_PAID = "Nothing was sent to the service and nothing was paid."


@dataclass(frozen=True)
class Problem:
    """
    One thing that is wrong.

    :param source: the picture, or the pattern, as the DAG author wrote it.
    :param what: what is wrong with it, as the rest of a sentence.
    :param passing: it may be gone the next time, such as a storage that did not answer.
    """

    source: str
    what: str
    passing: bool = False


def refusal(field: str, problems: Sequence[Problem]) -> DreamboothError:
    """
    Return the one error that lists all problems.

    :param field: the argument's name.
    :param problems: at least one. Only if all of them may pass does a retry help, and the error says so.
    """
    passing = all(problem.passing for problem in problems)
    error_class = DreamboothTransientError if passing else DreamboothValidationError
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    lines = [f"  {number}. {problem.source} {problem.what}" for number, problem in enumerate(problems, 1)]
    end = f"{_NOTHING_PAID} A retry looks again." if passing else _NOTHING_PAID
    return error_class("\n".join([f"{field} cannot be used: {count}.", *lines, end]))
