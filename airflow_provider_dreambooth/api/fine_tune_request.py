# SPDX-License-Identifier: Apache-2.0
"""A request for a training: checked before it costs money, written in the service's own form.

Numbers go as strings and ``null`` is kept where it means something (reference 2.2 to 2.4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.fine_tune_rules import (
    ENDPOINTS,
    check_base_model_id,
    check_images,
    check_method,
    check_parameters,
    check_prompt,
    check_seed,
    check_steps,
    check_training_type,
    check_webhook,
    warnings_about_images,
)
from airflow_provider_dreambooth.api.fingerprint import billed
from airflow_provider_dreambooth.api.refusal import refuse, shown

#: Another service's key: it neither makes the training another one nor belongs into a record.
_NOT_BILLED = frozenset({"webhook", "wandb_key"})


@dataclass(frozen=True)
class FineTuneRequest:
    """
    What a training is made of. Build it with :meth:`checked`.

    :param method: ``dreambooth``, ``dreambooth_v2`` or ``lora``.
    :param instance_prompt: names the subject, such as ``photo of ohwx person``; must recur in later prompts.
    :param class_prompt: names the subject's class, such as ``photo of person``.
    :param images: public links of the images.
    :param training_type: ``men``, ``female``, ``couple`` or ``None`` for anything else.
    :param max_train_steps: steps (``dreambooth``) or epochs (``lora``); ``None`` leaves it to the service.
    :param seed: ``None`` for a random one; for a LoRA ``None`` leaves it to the service (0).
    :param base_model_id: the model to start from; only in ``production``.
    :param webhook: link that the service calls at each stage.
    :param parameters: further body fields, sent as they are; not shown, as one may be a key (``wandb_key``).
    :param warnings: what is allowed but unwise, for the log.
    """

    method: str
    instance_prompt: str
    class_prompt: str
    images: tuple[str, ...]
    training_type: str | None = None
    max_train_steps: int | None = None
    seed: int | None = None
    base_model_id: str | None = None
    webhook: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def checked(cls, *, images: Any, **fields: Any) -> FineTuneRequest:
        """
        Return a request that the service can take.

        :param images: public links.
        :param fields: as in :meth:`draft`.
        :raises DreamboothValidationError: naming the field and the fix. Nothing was sent and nothing paid.
        """
        return cls.draft(**fields).with_images(images)

    @classmethod
    def draft(
        cls,
        *,
        environment: str,
        instance_prompt: Any,
        class_prompt: Any,
        method: str = "dreambooth",
        training_type: Any = None,
        max_train_steps: Any = None,
        seed: Any = None,
        base_model_id: Any = None,
        webhook: Any = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> FineTuneRequest:
        """
        Return a request whose images have no links yet; all else is checked.

        The arguments are the fields of this class, as a DAG author or a template writes them.

        :param environment: ``sandbox`` or ``production``; decides which methods and fields there are.
        :raises DreamboothValidationError: naming the field and the fix. Nothing was sent and nothing paid.
        """
        try:
            sandbox = Environment(environment) is Environment.SANDBOX
        except ValueError:
            raise refuse(
                "environment",
                f"is {shown(environment)}",
                "Use sandbox or production in the connection's extra field",
            ) from None
        method = check_method(method, sandbox=sandbox)
        warnings = []
        kind, warning = check_training_type(training_type, method)
        if warning:
            warnings.append(warning)
        base = check_base_model_id(base_model_id, method, sandbox=sandbox)
        if base is None and not sandbox and method != "lora":
            warnings.append(
                "base_model_id is not set; the documentation lists it as required in production "
                "(take one from the service's public model list)."
            )
        return cls(
            method=method,
            instance_prompt=check_prompt("instance_prompt", instance_prompt),
            class_prompt=check_prompt("class_prompt", class_prompt),
            images=(),
            training_type=kind,
            max_train_steps=check_steps(max_train_steps, method),
            seed=check_seed(seed),
            base_model_id=base,
            webhook=check_webhook(webhook),
            parameters=check_parameters(parameters, method),
            warnings=tuple(warnings),
        )

    def with_images(self, images: Any) -> FineTuneRequest:
        """
        Return the request with its images.

        :param images: public links.
        :raises DreamboothValidationError: they are no list of links, or too few.
        """
        links = check_images(images)
        return replace(self, images=links, warnings=(*warnings_about_images(links), *self.warnings))

    @property
    def sent_as(self) -> str | None:
        """The caller's own name for the request: v3 takes none."""
        return None

    @property
    def endpoint(self) -> str:
        """The endpoint's name in the service's own words."""
        return ENDPOINTS[self.method]

    def body(self) -> dict[str, Any]:
        """Return the JSON body without the key."""
        body: dict[str, Any] = {
            "instance_prompt": self.instance_prompt,
            "class_prompt": self.class_prompt,
            "images": list(self.images),
            # null means "any subject" here: it is said, not left out.
            "training_type": self.training_type,
            "webhook": self.webhook,
        }
        if self.seed is not None:
            body["seed"] = str(self.seed)
        elif self.method != "lora":
            # null means "random" for Dreambooth; for a LoRA no page has it.
            body["seed"] = None
        if self.base_model_id is not None:
            body["base_model_id"] = self.base_model_id
        if self.max_train_steps is not None:
            body["max_train_steps"] = str(self.max_train_steps)
        body.update(self.parameters)
        return body

    def billed(self, images: Sequence[str] | None = None) -> dict[str, Any]:
        """Return what makes this training another one than the next; see :func:`~.fingerprint.billed`."""
        return billed(self.method, self.body(), images, without=_NOT_BILLED)
