# SPDX-License-Identifier: Apache-2.0
"""
Where a call goes, what it carries, and who may see the key.

The key goes to the configured host alone, or to the other documented name of the same API over https. A POST
stays a POST: a redirect is followed by sending the same body again, or not at all.
"""

from __future__ import annotations

import json
import logging
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

from airflow_provider_dreambooth import __version__
from airflow_provider_dreambooth.api.call import Answer, ApiCall
from airflow_provider_dreambooth.api.reading import read_answer
from airflow_provider_dreambooth.connection import ConnectionSettings
from airflow_provider_dreambooth.exceptions import Acceptance, DreamboothError, DreamboothValidationError
from airflow_provider_dreambooth.transport.errors import origin_of
from airflow_provider_dreambooth.transport.reply import Body

Result = TypeVar("Result")

log = logging.getLogger(__name__)

USER_AGENT = f"airflow-provider-dreambooth/{__version__}"
HEADERS = {
    # Without it the service answers "Invalid Api Key".
    "Content-Type": "application/json",
    "Accept": "application/json",
    # An answer is some hundred bytes long; what is not encoded cannot unfold to gigabytes.
    "Accept-Encoding": "identity",
    "User-Agent": USER_AGENT,
}
#: Redirects followed for one call.
MOST_REDIRECTS = 3
REDIRECTS = (301, 302, 303, 307, 308)
#: 303 would make a GET of it, which has no body and so no key.
_FOLLOWED = (301, 302, 307, 308)
_PERMANENT = (301, 308)
_SAME_API = frozenset(
    ("stablediffusionapi.com", "www.stablediffusionapi.com", "modelslab.com", "www.modelslab.com")
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Route:
    """
    The way to the service for one connection.

    :param settings: the connection.
    """

    def __init__(self, settings: ConnectionSettings) -> None:
        self.origin = settings.base_url
        self.mask = settings.mask
        self._key = settings.api_key
        self._hf_token = settings.hf_token
        # The body of every status poll: made once.
        self._key_alone = Body(json.dumps({"key": settings.api_key}).encode())

    def url_of(self, call: ApiCall[Any]) -> str:
        """
        Return where the call goes.

        :raises DreamboothValidationError: the call names a host that must not see the key.
        """
        path = call.path
        if path.startswith("/"):
            return self.origin + path
        if not self._may_see_key(self.origin, path):
            raise DreamboothValidationError(
                f"The call about {call.about} names the host {origin_of(path)}, which is not the "
                f"connection's ({self.origin}): it was not sent, because it would carry the API key there.",
                training_id=call.training_id,
            )
        return path

    def body_of(self, call: ApiCall[Any]) -> Body:
        """Return the JSON body with the key in it, and with the Hugging Face token where the call takes one."""
        if not call.body:
            return self._key_alone
        if call.takes_hf_token and self._hf_token:
            return Body(json.dumps({**call.body, "hf_token": self._hf_token, "key": self._key}).encode())
        return Body(json.dumps({**call.body, "key": self._key}).encode())

    def redirected(self, call: ApiCall[Any], url: str, status: int, location: str | None) -> str | None:
        """
        Return where to send the same call again, ``None`` when the answer is no redirect.

        :param status: HTTP code of the answer.
        :param location: its ``Location``.
        :raises DreamboothValidationError: the redirect leads where the key must not go, or loses the body.
        """
        if status not in REDIRECTS or not location:
            return None
        try:
            target = urljoin(url, location)
        except ValueError:
            target = "an invalid address"
        if status not in _FOLLOWED or not self._may_see_key(url, target):
            place = self.mask.in_text(origin_of(target))
            raise DreamboothValidationError(
                f"{origin_of(url)} redirects the call about {call.about} to {place} (HTTP {status}). It was "
                "not followed, because it would lose the request's body or carry the API key to another "
                f"host. If {place} is the service's new address, put it into the connection's host.",
                training_id=call.training_id,
                http_status=status,
                # "See other" is what a server says that has done what was asked.
                acceptance=Acceptance.UNKNOWN if status == 303 else Acceptance.NO,
            )
        old, new = origin_of(url), origin_of(target)
        if status in _PERMANENT and new != old == self.origin and urlsplit(target).path == urlsplit(url).path:
            self.origin = new
            log.info("%s has moved to %s permanently: put that into the connection's host.", old, new)
        return target

    def too_many_redirects(self, call: ApiCall[Any]) -> DreamboothError:
        """Return the error for redirects that lead in a circle."""
        return DreamboothValidationError(
            f"{self.origin} redirects the call about {call.about} more than {MOST_REDIRECTS} times; nothing "
            "was accepted. Check host and scheme (http or https) in the connection.",
            training_id=call.training_id,
        )

    def read(self, call: ApiCall[Result], answer: Answer) -> Result:
        """
        Return what the answer means.

        :raises DreamboothError: without the key in it, whatever the service echoed.
        """
        try:
            return read_answer(call, self.mask.in_answer(answer))
        except DreamboothError as error:
            self.mask.in_error(error)
            raise

    def _may_see_key(self, known: str, target: str) -> bool:
        try:
            old, new = urlsplit(known), urlsplit(target)
            old_port, new_port = (part.port or _DEFAULT_PORTS.get(part.scheme) for part in (old, new))
        except ValueError:
            return False
        if new.username is not None or new.password is not None or new.scheme not in _DEFAULT_PORTS:
            return False
        if new.hostname == old.hostname and new.scheme == old.scheme:
            return new_port == old_port
        # Up to https, or between the names of the API; never down to http, never to an odd port.
        on_default_ports = (old_port, new_port) == (_DEFAULT_PORTS.get(old.scheme), 443)
        same = new.hostname == old.hostname or {old.hostname, new.hostname} <= _SAME_API
        return new.scheme == "https" and same and on_default_ports
