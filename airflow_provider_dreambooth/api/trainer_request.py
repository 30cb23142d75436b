# SPDX-License-Identifier: Apache-2.0
"""
A request to the v6 trainer: checked before it costs money, written in the service's own form.

**Experimental: never run against the hosted service.** Each trainer takes fields of its own, and which there are is not
published: they are sent as they are.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from airflow_provider_dreambooth.api.environment import Environment
from airflow_provider_dreambooth.api.fine_tune_rules import check_images, warnings_about_images
from airflow_provider_dreambooth.api.fingerprint import billed
from airflow_provider_dreambooth.api.refusal import checked_extra_fields, refuse, shown
from airflow_provider_dreambooth.api.scalar import is_absent
from airflow_provider_dreambooth.api.trainer_fields import METHOD, refuse_hf_token, subject_in

#: Fields that the task itself sets, and why they are none of ``parameters``.
_SET_BY_THE_TASK = ("training_id", "track_id")
_ARGUMENTS = frozenset({"trainer_id", "images"})
#: Neither makes the training another one.
_NOT_BILLED = frozenset({"webhook", "wandb_key", *_SET_BY_THE_TASK})
_HOURLY = (
    "The v6 trainer is experimental here: never run against the hosted service. It bills by the hour, at a rate that is not "
    "documented, until the training ends or is stopped; the hour that has begun is charged."
)


@dataclass(frozen=True)
class TrainerRequest:
    """
    What a training of the v6 trainer is made of. Build it with :meth:`draft` and :meth:`with_images`.

    :param trainer_id: the trainer, such as ``flux_lora_trainer``.
    :param images: public links of the images.
    :param parameters: the trainer's own fields, sent as they are; not shown, as one may be a key (``wandb_key``).
    :param owner: names the task instance, for people.
    :param sent_as: the owner with an end of its own for each request: sent as ``training_id`` and ``track_id``. Nobody
        shows that the service honours either.
    :param warnings: what is allowed but unwise, for the log.
    """

    #: The word for it beside the methods of a fine-tuning.
    method: ClassVar[str] = METHOD
    #: The endpoint's name in the service's own words.
    endpoint: ClassVar[str] = "trainer/train"

    trainer_id: str
    images: tuple[str, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    owner: str = "airflow"
    sent_as: str | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def draft(
        cls,
        *,
        environment: str,
        trainer_id: Any,
        parameters: Mapping[str, Any] | None = None,
        owner: str = "airflow",
    ) -> TrainerRequest:
        """
        Return a request whose images have no links yet; all else is checked.

        :param environment: the connection's; the trainer is in ``production`` alone.
        :param parameters: the trainer's own fields.
        :param owner: names the task instance: letters, digits and hyphens.
        :raises DreamboothValidationError: naming the argument and the correction. Nothing was sent and nothing paid.
        """
        if environment != Environment.PRODUCTION:
            raise refuse(
                "environment",
                f"is {shown(environment)}, which has no v6 trainer",
                "Set environment to production in the connection's extra field",
            )
        if is_absent(trainer_id) or not isinstance(trainer_id, str):
            raise refuse(
                "trainer_id",
                f"is {shown(trainer_id)}",
                "Name the trainer as the service does, such as 'flux_lora_trainer'",
            )
        refuse_hf_token(parameters)
        for name in _SET_BY_THE_TASK:
            if isinstance(parameters, Mapping) and name in parameters:
                raise refuse(
                    f"parameters[{name!r}]",
                    "is set by the task, so that a person can find the training of a lost answer",
                    "Leave it out",
                )
        return cls(
            trainer_id=trainer_id.strip(),
            parameters=checked_extra_fields(parameters, _ARGUMENTS),
            owner=owner,
            warnings=(_HOURLY,),
        )

    def with_images(self, images: Any) -> TrainerRequest:
        """
        Return the request with its images, and under a name that no other request has.

        :param images: public links.
        :raises DreamboothValidationError: they are no list of links, or too few.
        """
        links = check_images(images)
        sent_as = f"{self.owner}-{secrets.token_hex(3)}"
        warnings = (
            *warnings_about_images(links),
            *self.warnings,
            f"The request is sent with training_id and track_id {sent_as}: look for it at the service if the answer is lost.",
        )
        return replace(self, images=links, sent_as=sent_as, warnings=warnings)

    @property
    def instance_prompt(self) -> str:
        """The subject, as far as a known field names it."""
        return subject_in(self.parameters) or ""

    def body(self) -> dict[str, Any]:
        """Return the JSON body without the key and without the Hugging Face token: the transport adds both."""
        sent_as = self.sent_as or self.owner
        return {
            "trainer_id": self.trainer_id,
            "images": list(self.images),
            **self.parameters,
            "training_id": sent_as,
            "track_id": sent_as,
        }

    def billed(self, images: Sequence[str] | None = None) -> dict[str, Any]:
        """Return what makes this training another one than the next; see :func:`~.fingerprint.billed`."""
        return billed(self.method, self.body(), images, without=_NOT_BILLED)
