# SPDX-License-Identifier: Apache-2.0
"""The one way from an answer to a typed result or a typed error. Every transport ends here."""

from __future__ import annotations

from typing import Any, TypeVar

from airflow_provider_dreambooth.api.answer import decode, error_in
from airflow_provider_dreambooth.api.call import Answer, ApiCall, Repeat
from airflow_provider_dreambooth.exceptions import Acceptance, DreamboothError

Result = TypeVar("Result")

_NOTHING_PAID = "The request was not accepted: nothing was paid."
#: Of a paid call whose answer is lost, on whichever way.
PERHAPS_PAID = (
    "The service may have accepted it, and charged for it: look into the account before you send it again."
)


def read_answer(call: ApiCall[Result], answer: Answer) -> Result:
    """
    Return what the answer means for the call.

    :raises DreamboothError: the error that the answer reports, with the call's training id; for a call that
        costs money its message says what became of the money.
    """
    last = call.last
    if last is not None and (known := last.meaning_of(answer)) is not None:
        return known
    try:
        document = decode(answer, call.about)
        error = error_in(document, answer, call.about)
        if error is not None and not _answers(call, answer, document):
            raise error
        result = call.read(document)
    except DreamboothError as error:
        if error.training_id is None:
            error.training_id = call.training_id
        if call.repeat is Repeat.ONLY_IF_NOT_ACCEPTED:
            error.add(_NOTHING_PAID if error.acceptance is Acceptance.NO else PERHAPS_PAID)
        raise
    if last is not None:
        last.remember(answer, result)
    return result


def _answers(call: ApiCall[Any], answer: Answer, document: Any) -> bool:
    """Whether a document that reports an error is the answer that the call asked for."""
    # A 5xx with an error verdict speaks of the server, whatever else the document says.
    return answer.status < 500 and call.is_answer is not None and call.is_answer(document)
