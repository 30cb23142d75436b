# SPDX-License-Identifier: Apache-2.0
"""
The form of a ``dreambooth`` connection, made from the table in :mod:`~.connection_fields`.

Airflow 3.2 and newer draw it from metadata (:func:`conn_fields`), older ones from widgets (:func:`form_widgets`).
Nothing here imports Airflow; wtforms and flask are imported only when an old form is asked for.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_dreambooth.connection_fields import DEFAULT_HOST, EXTRA_FIELDS

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
        schema: dict[str, Any] = {"type": [extra.type, "null"]}
        if extra.default is not None:
            schema["default"] = extra.default
        if extra.secret:
            schema["format"] = "password"
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
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget
    from flask_babel import lazy_gettext
    from wtforms import IntegerField, PasswordField, StringField
    from wtforms.validators import NumberRange, Optional, any_of

    widgets: dict[str, Any] = {}
    for extra in EXTRA_FIELDS:
        validators = [Optional()]
        if extra.choices:
            validators.append(any_of(list(extra.choices)))
        if extra.minimum is not None:
            validators.append(NumberRange(min=extra.minimum))
        field = IntegerField if extra.type == "integer" else PasswordField if extra.secret else StringField
        widgets[extra.name] = field(
            lazy_gettext(extra.label),
            validators=validators,
            description=extra.description,
            default=extra.default,
            widget=BS3PasswordFieldWidget() if extra.secret else BS3TextFieldWidget(),
        )
    return widgets
