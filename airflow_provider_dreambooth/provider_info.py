# SPDX-License-Identifier: Apache-2.0
"""What Airflow is told about this provider. Read at every start of every component: keep it light."""

from __future__ import annotations

from typing import Any

from airflow_provider_dreambooth import __version__
from airflow_provider_dreambooth.connection import CONNECTION_TYPE
from airflow_provider_dreambooth.connection_form import conn_fields, ui_field_behaviour_metadata

_NAME = "Dreambooth"
_PACKAGE = "airflow_provider_dreambooth"
_HOW_TO = (
    "assets",
    "choose-a-method",
    "handle-errors",
    "housekeeping",
    "images-in-and-out",
    "limit-spending",
    "lineage",
    "links",
    "render-images",
    "secrets-backends",
    "see-the-training",
    "several-subjects",
    "timeouts-and-cancel",
    "train-with-the-v6-trainer",
    "wait-for-a-training",
    "webhooks",
)
_ASSET_URIS = {
    "schemes": ["dreambooth"],
    "handler": f"{_PACKAGE}.assets.uri.sanitize_uri",
    "factory": f"{_PACKAGE}.assets.uri.create_asset",
    "to_openlineage_converter": f"{_PACKAGE}.assets.uri.to_openlineage",
}


def get_provider_info() -> dict[str, Any]:
    """Answer the entry point ``apache_airflow_provider``."""
    return {
        "package-name": "airflow-provider-dreambooth",
        "name": _NAME,
        "description": "Dreambooth fine-tuning and image generation on the Stable Diffusion API",
        "versions": [__version__],
        "integrations": [
            {
                "integration-name": _NAME,
                "external-doc-url": "https://stablediffusionapi.com/docs/",
                "how-to-guide": [f"/docs/how-to/{page}.md" for page in _HOW_TO],
                "logo": "/docs/integration-logos/dreambooth.svg",
                "tags": ["service"],
            }
        ],
        "connection-types": [
            {
                "connection-type": CONNECTION_TYPE,
                "hook-class-name": f"{_PACKAGE}.hooks.dreambooth.DreamboothHook",
                "hook-name": _NAME,
                "conn-fields": conn_fields(),
                "ui-field-behaviour": ui_field_behaviour_metadata(),
            }
        ],
        "hooks": [_modules("hooks.dreambooth")],
        "operators": [_modules("operators.dreambooth")],
        "sensors": [_modules("sensors.dreambooth")],
        "triggers": [_modules("triggers.dreambooth", "triggers.text_to_image", "triggers.turn")],
        "extra-links": [
            f"{_PACKAGE}.links.dreambooth.{link}"
            for link in (
                "DreamboothTrainingLink",
                "DreamboothModelLink",
                "DreamboothPicture1Link",
                "DreamboothPicture2Link",
                "DreamboothPicture3Link",
                "DreamboothPicture4Link",
            )
        ],
        "asset-uris": [_ASSET_URIS],
        # Airflow 2's name for the same.
        "dataset-uris": [_ASSET_URIS],
    }


def _modules(*modules: str) -> dict[str, Any]:
    return {"integration-name": _NAME, "python-modules": [f"{_PACKAGE}.{module}" for module in modules]}
