"""Marks of use: a rendering says which model it uses, so that nobody deletes it under its hands.

One Airflow Variable for each model, with the time of its last use; the task that deletes the model removes it. It needs
no list of Variables and so works on every version of Airflow (docs/decisions/0304-models-in-use.md).
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Protocol

PREFIX = "dreambooth_model_in_use"


class Variables(Protocol):
    """What is needed of Airflow's Variables."""

    def get(self, key: str, default: Any) -> Any: ...

    def set(self, key: str, value: str, description: str | None = None) -> None: ...

    def delete(self, key: str) -> None: ...


class Use:
    """
    The marks of the models of one service.

    :param variables: where they are kept.
    :param host: the service, as in asset URIs.
    """

    def __init__(self, variables: Variables, host: str) -> None:
        self._variables = variables
        self._host = host

    def _key(self, model_id: str) -> str:
        return f"{PREFIX}.{hashlib.sha256(f'{self._host}/{model_id}'.encode()).hexdigest()[:24]}"

    def mark(self, model_id: str, *, by: str, now: float) -> None:
        """
        Say that a model is in use.

        :param model_id: the model.
        :param by: names the task.
        :param now: epoch seconds.
        """
        value = json.dumps({"model_id": model_id, "last_used": round(now), "by": by})
        self._variables.set(
            self._key(model_id), value, description=f"Last rendering with model {model_id}"[:500]
        )

    def last(self, model_id: str) -> tuple[float, str] | None:
        """
        Return when a model was last used, and by whom.

        :return: ``None`` when no rendering ever said so.
        """
        text = self._variables.get(self._key(model_id), None)
        if text is None:
            return None
        try:
            entry = json.loads(text)
            return float(entry["last_used"]), str(entry.get("by", ""))
        except (ValueError, TypeError, KeyError):
            # Somebody has edited it: a mark that cannot be read still says that there was one.
            return float("inf"), "an unreadable mark"

    def forget(self, model_id: str) -> None:
        """Remove the mark of a model that is gone."""
        if self._variables.get(self._key(model_id), None) is not None:
            self._variables.delete(self._key(model_id))


def mark_use(operator: Any, context: Any, now: float) -> None:
    """
    Say that a rendering uses its model, and its LoRA. A mark that cannot be written stops no rendering.

    :param operator: the rendering operator.
    :param context: the task's context.
    :param now: epoch seconds.
    """
    from airflow_provider_dreambooth.runtime import variables
    from airflow_provider_dreambooth.training.fingerprint import service_host

    instance = context["ti"]
    by = f"{instance.dag_id} / {instance.run_id} / {instance.task_id}"
    models = [operator.model_id, (operator.parameters or {}).get("lora_model")]
    try:
        use = Use(variables.accessor(), service_host(operator.hook.settings.base_url))
        for model_id in dict.fromkeys(str(model) for model in models if model):
            use.mark(model_id, by=by, now=now)
    except Exception as error:
        operator.log.warning("Could not mark the model as in use; housekeeping does not see it: %s", error)
