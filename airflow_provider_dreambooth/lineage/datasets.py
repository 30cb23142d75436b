# SPDX-License-Identifier: Apache-2.0
"""How images and models are named in lineage: by the naming rules of OpenLineage for each kind of storage."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_dreambooth.api.fingerprint import service_host
from airflow_provider_dreambooth.api.link_text import bare_link
from airflow_provider_dreambooth.assets.uri import SCHEME


def image_name(place: str) -> tuple[str, str]:
    """
    Return namespace and name of an image, or of a folder of images.

    What follows a ``?`` is left out: in a signed link it is a secret.

    :param place: a link, an object storage URI, or a path on this machine.
    """
    place = bare_link(place)
    if "://" not in place:
        return "file", str(Path(place).expanduser().absolute())
    parts = urlsplit(place)
    scheme = parts.scheme.lower()
    if scheme in ("file", "local"):
        return "file", parts.path or "/"
    # Airflow writes the connection before the bucket: s3://my_conn@bucket/key.
    return f"{scheme}://{parts.netloc.rpartition('@')[2]}", parts.path.strip("/") or "/"


def image_datasets(places: Any) -> list[Any]:
    """
    Return the datasets of images, each once.

    :param places: one place or several.
    """
    from airflow.providers.common.compat.openlineage.facet import Dataset

    several: Iterable[Any] = [places] if isinstance(places, str) or places is None else places
    names = dict.fromkeys(image_name(str(place)) for place in several if place)
    return [Dataset(namespace=namespace, name=name) for namespace, name in names]


def model_dataset(model_id: str, base_url: str) -> Any:
    """Return the dataset of a model; its name is also the model's asset URI."""
    from airflow.providers.common.compat.openlineage.facet import Dataset

    return Dataset(namespace=f"{SCHEME}://{service_host(base_url)}", name=model_id)
