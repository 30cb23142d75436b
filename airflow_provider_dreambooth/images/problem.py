# SPDX-License-Identifier: Apache-2.0
"""What is wrong with the images: collected one by one, told in one error."""

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

    :param name: the image, or the pattern, as the DAG author wrote it, without a link's query.
    :param what: what is wrong with it, as the rest of a sentence.
    :param transient: it may be gone the next time, such as a storage that did not answer.
    """

    name: str
    what: str
    transient: bool = False


def refusal(field: str, problems: Sequence[Problem]) -> DreamboothError:
    """
    Return the one error that lists all problems.

    :param problems: at least one. Only if all of them are transient does a retry help, and the error says so.
    """
    transient = all(problem.transient for problem in problems)
    error_class = DreamboothTransientError if transient else DreamboothValidationError
    count = f"{len(problems)} problem{'' if len(problems) == 1 else 's'}"
    lines = [f"  {number}. {problem.name} {problem.what}" for number, problem in enumerate(problems, 1)]
    end = f"{_NOTHING_PAID} A retry checks again." if transient else _NOTHING_PAID
    return error_class("\n".join([f"{field} cannot be used: {count}.", *lines, end]))
