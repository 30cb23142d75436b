"""The one way from an answer to a typed result or a typed error. Every transport ends here."""

from __future__ import annotations

from typing import TypeVar

from airflow_provider_dreambooth.api.answer import decode, error_in
from airflow_provider_dreambooth.api.call import Answer, ApiCall
from airflow_provider_dreambooth.exceptions import DreamboothError

Result = TypeVar("Result")


def read_answer(call: ApiCall[Result], answer: Answer) -> Result:
    """
    Return what the answer means for the call.

    :raises DreamboothError: the error that the answer reports, with the call's training id.
    """
    try:
        document = decode(answer, call.about)
        if call.is_answer is None or not call.is_answer(document):
            error = error_in(document, answer, call.about)
            if error is not None:
                raise error
        return call.read(document)
    except DreamboothError as error:
        if error.training_id is None:
            error.training_id = call.training_id
        raise
