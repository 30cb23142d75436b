# SPDX-License-Identifier: Apache-2.0
"""Trained models as Airflow assets: who learns that a model is ready tells every DAG that waits for it."""

from __future__ import annotations

from airflow_provider_dreambooth.assets.ready_model import ReadyModel, ready_models
from airflow_provider_dreambooth.assets.uri import SCHEME, model_uri

__all__ = ["SCHEME", "ReadyModel", "model_uri", "ready_models"]
