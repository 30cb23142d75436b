# SPDX-License-Identifier: Apache-2.0
"""A connection as Airflow holds it, read and checked: the one way in, for workers and for event loops."""

from __future__ import annotations

import logging
from collections.abc import Callable

from airflow_provider_dreambooth.connection import ConnectionSettings, StoredConnection
from airflow_provider_dreambooth.exceptions import DreamboothTransientError
from airflow_provider_dreambooth.masking import is_secret
from airflow_provider_dreambooth.runtime import compat

log = logging.getLogger(__name__)

_warned: set[str] = set()


def read_connection(conn_id: str, get: Callable[[str], StoredConnection]) -> ConnectionSettings:
    """
    Return the checked connection. Blocking.

    :param conn_id: the connection's id.
    :param get: the hook's ``get_connection``.
    :raises DreamboothTransientError: it could not be read. Airflow does not tell a connection that is not defined from
        a secrets backend that does not answer, so trying again may help.
    :raises DreamboothAuthError: it holds no API key.
    :raises DreamboothValidationError: one of its fields cannot be used.
    """
    try:
        stored = [get(conn_id)]
    except Exception as error:
        raise _unreadable(conn_id, error) from None
    return _checked(conn_id, stored)


async def aread_connection(conn_id: str) -> ConnectionSettings:
    """Return the checked connection inside an event loop. See :func:`read_connection`."""
    try:
        stored = [await compat.get_connection(conn_id)]
    except Exception as error:
        raise _unreadable(conn_id, error) from None
    return _checked(conn_id, stored)


def _checked(conn_id: str, stored: list[StoredConnection]) -> ConnectionSettings:
    # Taken out of the list: Airflow's class shows its password where local variables are collected.
    settings = ConnectionSettings.from_connection(stored.pop())
    for secret in (settings.api_key, settings.hf_token):
        if secret and is_secret(secret):
            compat.mask_secret(secret)
    for warning in settings.warnings:
        message = f"Connection {conn_id!r}: {warning}"
        if message not in _warned:
            _warned.add(message)
            log.warning("%s", message)
    return settings


def _unreadable(conn_id: str, error: Exception) -> DreamboothTransientError:
    # Not the error's own text: it could quote a connection that is written wrongly, with its key.
    return DreamboothTransientError(
        f"Connection {conn_id!r} could not be read here ({type(error).__name__}). Either it is not defined for this "
        "component, or the secrets backend that holds it did not answer or holds it in a form that Airflow cannot "
        "read: Airflow tells which only in its log at level DEBUG. Nothing was sent or paid, and a training that was "
        "started before is still running."
    )
