# SPDX-License-Identifier: Apache-2.0
"""Asset URIs of models: ``dreambooth://{host}/{model_id}``.

The host is the service that has the model, under one name however the connection spells it. Whatever an author names
instead of a model id after the host (``dreambooth://stablediffusionapi.com/subjects/fox``) is fine too.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from airflow_provider_dreambooth.api.fingerprint import service_host

SCHEME = "dreambooth"


def model_uri(model_id: str, base_url: str = "https://stablediffusionapi.com") -> str:
    """
    Return the asset URI of a model.

    :param model_id: the model's id, equal to the training's.
    """
    return f"{SCHEME}://{service_host(base_url)}/{quote(model_id, safe='')}"


def sanitize_uri(uri: SplitResult) -> SplitResult:
    """
    Bring a ``dreambooth://`` URI into its one form; Airflow calls this for each.

    :raises ValueError: it names no host or no model, or carries what may be a secret.
    """
    if not uri.hostname:
        raise ValueError(
            "A dreambooth:// URI names the service: dreambooth://stablediffusionapi.com/<model id>"
        )
    if "@" in uri.netloc:
        raise ValueError(
            "A dreambooth:// URI must hold no user name, password or key: Airflow shows it to everybody"
        )
    if uri.query:
        raise ValueError(
            "A dreambooth:// URI has no query: everything after the host is the name of the model"
        )
    if not uri.path.strip("/"):
        raise ValueError(
            "A dreambooth:// URI names a model after the host: dreambooth://stablediffusionapi.com/<model id>"
        )
    host = service_host(f"//{uri.netloc}")
    return uri._replace(scheme=SCHEME, netloc=host, path="/" + uri.path.strip("/"), fragment="")


def create_asset(*, model_id: str, host: str = "stablediffusionapi.com", extra: Any = None) -> Any:
    """
    Return the asset of a model, for Airflow's hook lineage (``create_asset(scheme="dreambooth", …)``).

    :param model_id: the model's id.
    :param host: the service that has it.
    :param extra: the asset's own extra.
    """
    from airflow_provider_dreambooth.runtime import compat

    return compat.asset(model_uri(model_id, f"//{host}"), extra=extra)


def to_openlineage(asset: Any, lineage_context: Any) -> Any:
    """
    Return the OpenLineage dataset of an asset, the same that training and rendering report.

    :param asset: an asset with a ``dreambooth://`` URI.
    :param lineage_context: Airflow's hook or operator; not needed.
    """
    from airflow.providers.common.compat.openlineage.facet import Dataset

    parts = urlsplit(str(asset.uri))
    return Dataset(namespace=f"{SCHEME}://{parts.netloc}", name=unquote(parts.path.lstrip("/")))
