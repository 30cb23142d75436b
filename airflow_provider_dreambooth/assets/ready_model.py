# SPDX-License-Identifier: Apache-2.0
"""A model that became ready, as an asset event tells of it: written by the task that learned it, read by other DAGs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ReadyModel:
    """
    A model that is ready to render with.

    :param training_id: the training's id, equal to the model's.
    :param environment: ``sandbox`` or ``production``.
    :param method: ``dreambooth``, ``dreambooth_v2`` or ``lora``; ``None`` where it is not known.
    :param instance_prompt: names the subject; ``None`` where it is not known.
    :param class_prompt: names its class; ``None`` where it is not known.
    :param base_model_id: the model that the training started from.
    :param seconds: from the paid request, or from the first poll, until the model was seen to be ready.
    :param ready_at: when that was, ISO 8601 in UTC.
    """

    training_id: str
    host: str
    environment: str
    method: str | None = None
    instance_prompt: str | None = None
    class_prompt: str | None = None
    base_model_id: str | None = None
    seconds: float | None = None
    ready_at: str | None = None

    @property
    def model_id(self) -> str:
        """The model's id, for ``model_id`` of the rendering operator."""
        return self.training_id

    def to_extra(self) -> dict[str, Any]:
        """Return the ``extra`` of the asset event; what is not known is left out."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_extra(cls, extra: Any) -> ReadyModel | None:
        """
        Read the ``extra`` of an asset event.

        :return: ``None`` when the event does not tell of a model.
        """
        if not isinstance(extra, Mapping) or not isinstance(extra.get("training_id"), str):
            return None

        def text(name: str) -> str | None:
            return None if extra.get(name) is None else str(extra[name])

        seconds = extra.get("seconds")
        return cls(
            training_id=str(extra["training_id"]),
            host=text("host") or "",
            environment=text("environment") or "",
            method=text("method"),
            instance_prompt=text("instance_prompt"),
            class_prompt=text("class_prompt"),
            base_model_id=text("base_model_id"),
            seconds=float(seconds) if isinstance(seconds, (int, float)) else None,
            ready_at=text("ready_at"),
        )


def ready_models(events: Any) -> list[ReadyModel]:
    """
    Return the models that asset events tell of, in the order in which they became ready, each once.

    :param events: ``triggering_asset_events`` of the DAG run, ``inlet_events[AssetAlias(...)]``, or any list of
        asset events. Events that tell of no model are passed over.
    """
    found: dict[str, tuple[Any, ReadyModel]] = {}
    for event in _each(events):
        model = ReadyModel.from_extra(getattr(event, "extra", None))
        if model is not None:
            moment = getattr(event, "timestamp", None)
            known = found.get(model.training_id)
            if known is None or known[0] is None or (moment is not None and moment >= known[0]):
                found[model.training_id] = (moment, model)
    dated = sorted(
        ((moment, model) for moment, model in found.values() if moment is not None), key=lambda pair: pair[0]
    )
    return [model for moment, model in found.values() if moment is None] + [model for _, model in dated]


def _each(events: Any) -> Iterable[Any]:
    if isinstance(events, Mapping):
        for group in events.values():
            yield from group
    elif events is not None:
        yield from events
