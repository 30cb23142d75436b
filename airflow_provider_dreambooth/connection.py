# SPDX-License-Identifier: Apache-2.0
"""The ``dreambooth`` connection, read and checked by the table in :mod:`~.connection_fields`. Nothing here imports Airflow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.scalar import flag_in, number_in
from airflow_provider_dreambooth.connection_fields import DEFAULT_HOST, EXTRA_FIELDS
from airflow_provider_dreambooth.exceptions import DreamboothAuthError, DreamboothValidationError
from airflow_provider_dreambooth.masking import Mask

CONNECTION_TYPE = "dreambooth"
DEFAULT_CONNECTION_ID = "dreambooth_default"

#: Beyond it no number of a connection means anything: seconds of a day.
_LARGEST = 86_400
_FIELDS = {extra.name: extra for extra in EXTRA_FIELDS}
#: Airflow before 2.3 stored the fields of the form under such names, and migrated connections still hold them.
_OLD_PREFIX = f"extra__{CONNECTION_TYPE}__"
#: Last labels of names that only a private network resolves.
_PRIVATE_NAMES = ("local", "localhost", "internal", "intern", "lan", "home", "corp", "test", "svc", "arpa")


class StoredConnection(Protocol):
    """What is read of an Airflow connection, whichever of Airflow's classes it is."""

    @property
    def conn_id(self) -> str | None: ...
    @property
    def host(self) -> str | None: ...
    @property
    def schema(self) -> str | None: ...
    @property
    def port(self) -> int | None: ...
    @property
    def password(self) -> str | None: ...
    @property
    def extra_dejson(self) -> Any: ...


@dataclass(frozen=True)
class ConnectionSettings:
    """
    A checked ``dreambooth`` connection. Equal settings may share one client.

    :param api_key: the account's key; not part of the representation.
    :param base_url: ``scheme://host[:port]`` without a slash at the end.
    :param environment: ``sandbox`` or ``production``.
    :param timeout: seconds for one HTTP request.
    :param max_concurrent_requests: over the whole account in one process.
    :param verify: whether to check the server's certificate, or the path of a CA bundle to check it with.
    :param inference_api: form of rendering, fetch and reload; ``auto`` finds out what the server knows.
    :param max_trainings_per_day: cap on paid submissions of this account in 24 hours, ``None`` for none.
    :param hf_token: Hugging Face token for the v6 trainer; not part of the representation.
    :param unused: names in the extra that no field has, for a warning.
    """

    api_key: str = field(repr=False)
    base_url: str = DEFAULT_HOST
    environment: Environment = Environment.SANDBOX
    timeout: float = 30.0
    max_concurrent_requests: int = 5
    verify: bool | str = True
    inference_api: str = "auto"
    max_trainings_per_day: int | None = None
    hf_token: str | None = field(default=None, repr=False)
    unused: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def from_connection(cls, connection: StoredConnection) -> ConnectionSettings:
        """
        Read and check a stored connection.

        :param connection: an Airflow connection, from the form, the environment or a secrets backend.
        :raises DreamboothAuthError: it holds no API key.
        :raises DreamboothValidationError: a field cannot be used; the message names it and the fix.
        """
        reader = _Reader(connection)
        del connection  # Airflow's class shows its password where local variables are collected
        return cls(
            api_key=reader.api_key(),
            base_url=reader.base_url(),
            environment=Environment(reader.choice("environment")),
            timeout=reader.number("timeout", "a number of seconds up to a day, for example 30"),
            max_concurrent_requests=reader.whole_number("max_concurrent_requests"),
            verify=reader.verify(),
            inference_api=reader.choice("inference_api"),
            max_trainings_per_day=reader.optional_whole_number("max_trainings_per_day"),
            hf_token=reader.secret("hf_token"),
            unused=reader.unused,
        )

    @property
    def mask(self) -> Mask:
        """What takes this connection's secrets out of texts and answers."""
        return Mask(self.api_key, self.hf_token or "")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What an administrator should know although the connection can be used."""
        parts = urlsplit(self.base_url)
        found = []
        if self.unused:
            names = self.mask.in_text(", ".join(map(repr, self.unused)))
            found.append(
                f"The extra's {names} means nothing here and is not used; known are {', '.join(_FIELDS)}. Correct the "
                "spelling, or remove it."
            )
        if parts.scheme == "http" and _is_public(parts.hostname or ""):
            found.append(
                f"{self.base_url} is not encrypted: anyone on the network path can read the API key. Write https:// in the "
                "field 'host'."
            )
        if self.verify is False and parts.scheme == "https":
            found.append(
                f"The certificate of {self.base_url} is not checked (field 'verify' is false): anyone on the "
                "network path can read the API key. Write true, or the path of the CA bundle that signed it."
            )
        return tuple(found)


class _Reader:
    """Reads the fields of one connection; its errors name the connection, the field and the fix."""

    def __init__(self, connection: StoredConnection) -> None:
        self.connection = connection
        self.name = connection.conn_id or "(without an id)"
        del connection
        self.extra: dict[str, Any] = {}
        self.unused: tuple[str, ...] = ()
        if not isinstance(self.connection.extra_dejson or {}, Mapping):
            raise self.refusal("extra", 'must be a JSON object such as {} or {"environment": "sandbox"}')
        self._read_extra()

    def _read_extra(self) -> None:
        """Take over what is set, from either spelling of its name."""
        stored = dict(self.connection.extra_dejson or {})
        names = list(stored)
        self.extra = {name: stored.pop(name) for name in names if name in _FIELDS and _is_set(stored[name])}
        old = {
            name.removeprefix(_OLD_PREFIX): stored[name]
            for name in stored
            if name.startswith(_OLD_PREFIX) and _is_set(stored[name])
        }
        unused = (name for name in stored if name not in _FIELDS and not name.startswith(_OLD_PREFIX))
        self.unused = tuple(name[:40] for name in unused if _is_set(stored[name]))
        del stored
        for name in old:
            spelling = _OLD_PREFIX + name
            if name not in _FIELDS:
                raise self.refusal(spelling, "is no field of this connection type: remove it from the extra")
            if name in self.extra and self.extra[name] != old[name]:
                raise self.refusal(spelling, f"contradicts the field {name!r}: remove one of the two")
        self.extra.update(old)

    def refusal(self, name: str, fix: str) -> DreamboothValidationError:
        message = f"Connection {self.name!r}: field {name!r} {fix}. Nothing was sent."
        # Somebody may have pasted a secret into the wrong field.
        token = self.extra.get("hf_token")
        mask = Mask((self.connection.password or "").strip(), token if isinstance(token, str) else "")
        return DreamboothValidationError(mask.in_text(message))

    def api_key(self) -> str:
        key = (self.connection.password or "").strip()
        if not key:
            raise DreamboothAuthError(
                f"Connection {self.name!r} holds no API key: put your account's key into its field 'API key' "
                "(password). In a URI it follows a colon, percent-encoded: dreambooth://:KEY@host. The local emulator "
                "takes any word, unless started with --key. Nothing was sent."
            )
        return key

    def base_url(self) -> str:
        host = (self.connection.host or "").strip()
        if not host:
            return DEFAULT_HOST
        fix = f"must be a base URL such as {DEFAULT_HOST} or http://127.0.0.1:8765"
        scheme, separator, rest = host.rpartition("://")
        if not separator:
            scheme = (self.connection.schema or "").strip()
        if rest.count(":") > 1 and "[" not in rest:
            rest = f"[{rest}]"  # a bare IPv6 address, as Airflow gives it for a URI
        try:
            parts = urlsplit(f"//{rest}")
            name, port = parts.hostname, parts.port or self.connection.port
        except ValueError:
            raise self.refusal("host", fix) from None
        if port and not 0 < port < 65_536:
            raise self.refusal("port", f"must be a number from 1 to 65535, not {port}")
        if parts.username is not None or parts.password is not None:
            raise self.refusal("host", f"must not carry a user or a key; it {fix}")
        if not name or any(character.isspace() for character in name) or parts.query or parts.fragment:
            raise self.refusal("host", fix)
        # People paste an endpoint's address: everything from /api on is the provider's own business.
        if parts.path.rstrip("/") and parts.path.split("/")[1] != "api":
            raise self.refusal("host", f"has the path {parts.path!r}, which would not be used: it {fix}")
        scheme = scheme or ("http" if _is_this_machine(name) else "https")
        if scheme.lower() not in ("http", "https"):
            raise self.refusal("host" if separator else "schema", f"must say http or https, not {scheme!r}")
        return f"{scheme.lower()}://{f'[{name}]' if ':' in name else name}{f':{port}' if port else ''}"

    def choice(self, name: str) -> str:
        choices = _FIELDS[name].choices
        word = str(self.value(name)).strip().lower()
        if word not in choices:
            wanted = " or ".join((", ".join(map(repr, choices[:-1])), repr(choices[-1])))
            raise self.refusal(name, f"must be {wanted}, not {self.value(name)!r}")
        return word

    def number(self, name: str, wanted: str) -> float:
        number = number_in(self.value(name))
        if number is None or not 0 < number <= _LARGEST:
            raise self.refusal(name, f"must be {wanted}, not {self.value(name)!r}")
        return number

    def whole_number(self, name: str) -> int:
        wanted = "a whole number from 1 up"
        number = self.number(name, wanted)
        if number != int(number):
            raise self.refusal(name, f"must be {wanted}, not {self.value(name)!r}")
        return int(number)

    def optional_whole_number(self, name: str) -> int | None:
        return None if self.value(name) is None else self.whole_number(name)

    def secret(self, name: str) -> str | None:
        if not isinstance(self.value(name), (str, type(None))):
            raise self.refusal(name, "must be text")
        return (self.value(name) or "").strip() or None

    def verify(self) -> bool | str:
        word = str(self.value("verify")).strip()
        flag = flag_in(word)
        if flag is not None:
            return flag
        if not Path(word).exists():
            raise self.refusal(
                "verify", f"must be true, false or the path of a CA bundle; {word!r} does not exist"
            )
        return word

    def value(self, name: str) -> Any:
        """What the extra says, or the default where it says nothing: forms store empty fields as well."""
        return self.extra.get(name, _FIELDS[name].default)


def _is_set(value: Any) -> bool:
    return value is not None and not (isinstance(value, str) and not value.strip())


def _is_this_machine(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def _is_public(name: str) -> bool:
    """Whether a host is one of the internet, as far as its name tells."""
    try:
        return ip_address(name).is_global
    except ValueError:
        labels = name.rstrip(".").split(".")
        return len(labels) > 1 and labels[-1] not in _PRIVATE_NAMES
