"""
The ``dreambooth`` connection, described once.

:data:`EXTRA_FIELDS` is the only list of its fields. The form of Airflow 3.2 and newer is made from it as
metadata (:func:`conn_fields`), the form of older ones as widgets (:func:`form_widgets`), and
:class:`ConnectionSettings` reads a stored connection by it. Nothing here imports Airflow; wtforms and flask
are imported only when an old form is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast
from urllib.parse import urlsplit

from airflow_provider_dreambooth.exceptions import DreamboothAuthError, DreamboothValidationError

if TYPE_CHECKING:
    from airflow_provider_dreambooth.masking import Mask

CONNECTION_TYPE = "dreambooth"
DEFAULT_CONNECTION_ID = "dreambooth_default"
DEFAULT_HOST = "https://stablediffusionapi.com"

Environment = Literal["sandbox", "production"]
FieldType = Literal["string", "integer"]


@dataclass(frozen=True)
class ExtraField:
    """One field that is kept in the connection's extra."""

    name: str
    label: str
    description: str
    type: FieldType
    default: str | int
    choices: tuple[str, ...] = ()
    minimum: int | None = None


EXTRA_FIELDS: tuple[ExtraField, ...] = (
    ExtraField(
        name="environment",
        label="Environment",
        description="sandbox: /api/sandbox/v3/..., to try out. production: /api/v3/..., all features.",
        type="string",
        default="sandbox",
        choices=("sandbox", "production"),
    ),
    ExtraField(
        name="timeout",
        label="Request timeout",
        description="Seconds that one HTTP request may take. A training itself may take as long as it needs.",
        type="integer",
        default=30,
        minimum=1,
    ),
    ExtraField(
        name="max_concurrent_requests",
        label="Concurrent requests",
        description="How many requests one process sends at the same time over this connection's account.",
        type="integer",
        default=5,
        minimum=1,
    ),
    ExtraField(
        name="verify",
        label="Verify TLS",
        description="true, false, or the path of a CA bundle on the workers and the triggerer.",
        type="string",
        default="true",
    ),
)

_BEHAVIOUR: dict[str, Any] = {
    "hidden_fields": ["login", "schema", "extra"],
    "relabeling": {"password": "API key", "host": "Base URL"},
    "placeholders": {
        "host": DEFAULT_HOST,
        "password": "from your account's API settings",
        # Their Test button takes an empty port for a changed one and gives up (apache/airflow#73298).
        "port": "optional; 443 makes Test work on Airflow 3.3.1 and 3.3.2",
    },
}


def conn_fields() -> dict[str, Any]:
    """Extra fields as provider metadata (``conn-fields``), for Airflow 3.2 and newer."""
    fields: dict[str, Any] = {}
    for extra in EXTRA_FIELDS:
        schema: dict[str, Any] = {"type": [extra.type, "null"], "default": extra.default}
        if extra.choices:
            schema["enum"] = list(extra.choices)
        if extra.minimum is not None:
            schema["minimum"] = extra.minimum
        fields[extra.name] = {"label": extra.label, "description": extra.description, "schema": schema}
    return fields


def ui_field_behaviour_metadata() -> dict[str, Any]:
    """Behaviour of the standard fields as provider metadata (``ui-field-behaviour``)."""
    return {key.replace("_", "-"): value.copy() for key, value in _BEHAVIOUR.items()}


def ui_field_behaviour() -> dict[str, Any]:
    """Behaviour of the standard fields, for ``get_ui_field_behaviour`` of Airflow below 3.2."""
    behaviour = {key: value.copy() for key, value in _BEHAVIOUR.items()}
    # Airflow 2's Test button does nothing in a form without an editor, and extra is the only field that has one.
    behaviour["hidden_fields"].remove("extra")
    # About a fault that only newer versions have.
    del behaviour["placeholders"]["port"]
    return behaviour


def form_widgets() -> dict[str, Any]:
    """Extra fields as wtforms widgets, for ``get_connection_form_widgets`` of Airflow below 3.2."""
    from flask_appbuilder.fieldwidgets import BS3TextFieldWidget
    from flask_babel import lazy_gettext
    from wtforms import IntegerField, StringField
    from wtforms.validators import NumberRange, Optional, any_of

    widgets: dict[str, Any] = {}
    for extra in EXTRA_FIELDS:
        validators = [Optional()]
        if extra.choices:
            validators.append(any_of(list(extra.choices)))
        if extra.minimum is not None:
            validators.append(NumberRange(min=extra.minimum))
        widgets[extra.name] = (IntegerField if extra.type == "integer" else StringField)(
            lazy_gettext(extra.label),
            validators=validators,
            description=extra.description,
            default=extra.default,
            widget=BS3TextFieldWidget(),
        )
    return widgets


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
    """

    api_key: str = field(repr=False)
    base_url: str = DEFAULT_HOST
    environment: Environment = "sandbox"
    timeout: float = 30.0
    max_concurrent_requests: int = 5
    verify: bool | str = True

    @classmethod
    def from_connection(cls, connection: StoredConnection) -> ConnectionSettings:
        """
        Read and check a stored connection.

        :param connection: an Airflow connection, from the form, the environment or a secrets backend.
        :raises DreamboothAuthError: it holds no API key.
        :raises DreamboothValidationError: a field cannot be used; the message names it and the mend.
        """
        reader = _Reader(connection)
        return cls(
            api_key=reader.api_key(),
            base_url=reader.base_url(),
            environment=reader.environment(),
            timeout=reader.number("timeout", "a number of seconds, for example 30"),
            max_concurrent_requests=reader.whole_number("max_concurrent_requests"),
            verify=reader.verify(),
        )


class _Reader:
    """Reads the fields of one connection; its errors name the connection, the field and the mend."""

    def __init__(self, connection: StoredConnection) -> None:
        self.connection = connection
        self.name = connection.conn_id or "(without an id)"
        extra = connection.extra_dejson or {}
        if not isinstance(extra, Mapping):
            raise self.refusal("extra", 'must be a JSON object such as {} or {"environment": "sandbox"}')
        self.extra: Mapping[str, Any] = extra

    def refusal(self, name: str, mend: str) -> DreamboothValidationError:
        message = f"Connection {self.name!r}: field {name!r} {mend}. Nothing was sent."
        # Somebody may have pasted the key into the wrong field.
        return DreamboothValidationError(self.mask().in_text(message))

    def mask(self) -> Mask:
        from airflow_provider_dreambooth.masking import Mask

        return Mask((self.connection.password or "").strip())

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
        mend = f"must be a base URL such as {DEFAULT_HOST} or http://127.0.0.1:8765"
        scheme, separator, rest = host.rpartition("://")
        if not separator:
            scheme = (self.connection.schema or "").strip()
        if rest.count(":") > 1 and "[" not in rest:
            rest = f"[{rest}]"  # a bare IPv6 address, as Airflow gives it for a URI
        try:
            parts = urlsplit(f"//{rest}")
            name, port = parts.hostname, parts.port or self.connection.port
        except ValueError:
            raise self.refusal("host", mend) from None
        if parts.username is not None or parts.password is not None:
            raise self.refusal("host", f"must not carry a user or a key; it {mend}")
        if not name or any(character.isspace() for character in name) or parts.query or parts.fragment:
            raise self.refusal("host", mend)
        # People paste an endpoint's address: everything from /api on is the provider's own business.
        if parts.path.rstrip("/") and parts.path.split("/")[1] != "api":
            raise self.refusal("host", f"has the path {parts.path!r}, which would not be used: it {mend}")
        scheme = scheme or ("http" if _is_this_machine(name) else "https")
        if scheme.lower() not in ("http", "https"):
            raise self.refusal("host" if separator else "schema", f"must say http or https, not {scheme!r}")
        return f"{scheme.lower()}://{f'[{name}]' if ':' in name else name}{f':{port}' if port else ''}"

    def environment(self) -> Environment:
        value = self.value("environment")
        choices = next(extra.choices for extra in EXTRA_FIELDS if extra.name == "environment")
        word = str(value).strip().lower()
        if word not in choices:
            raise self.refusal("environment", f"must be 'sandbox' or 'production', not {value!r}")
        return cast("Environment", word)

    def number(self, name: str, wanted: str) -> float:
        value = self.value(name)
        try:
            number = float("nan") if isinstance(value, bool) else float(value)
        except (TypeError, ValueError):
            number = float("nan")
        if not 0 < number < float("inf"):
            raise self.refusal(name, f"must be {wanted}, not {value!r}")
        return number

    def whole_number(self, name: str) -> int:
        wanted = "a whole number from 1 up"
        number = self.number(name, wanted)
        if number != int(number):
            raise self.refusal(name, f"must be {wanted}, not {self.value(name)!r}")
        return int(number)

    def verify(self) -> bool | str:
        value = self.value("verify")
        if isinstance(value, bool):
            return value
        word = str(value).strip()
        if word.lower() in ("true", "1", "yes", "on"):
            return True
        if word.lower() in ("false", "0", "no", "off"):
            return False
        if not Path(word).exists():
            raise self.refusal(
                "verify", f"must be true, false or the path of a CA bundle; {word!r} is not there"
            )
        return word

    def value(self, name: str) -> Any:
        """What the extra says, or the default where it says nothing: forms store empty fields as well."""
        value = self.extra.get(name)
        if value is None or value == "":
            return next(extra.default for extra in EXTRA_FIELDS if extra.name == name)
        return value


def _is_this_machine(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
