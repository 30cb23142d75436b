# SPDX-License-Identifier: Apache-2.0
"""The operator that turns images into public links."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_dreambooth.api.link_text import holds_secret
from airflow_provider_dreambooth.api.refusal import yes_or_no
from airflow_provider_dreambooth.connection import DEFAULT_CONNECTION_ID
from airflow_provider_dreambooth.runtime.state_store import state_store
from airflow_provider_dreambooth.service_task import ServiceTask

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class DreamboothUploadImagesOperator(ServiceTask, BaseOperator):
    """
    Upload images to the service (``base64_crop``) and return their public links, in order. Free.

    Every image is checked first, and one error lists all that is wrong. Each image is uploaded once: a retry uses
    the links that the first try made.

    :class:`DreamboothFineTuneOperator` does the same by itself. A task of its own is for links that several trainings
    share, or that something else than a training needs. How-to: ``docs/how-to/images-in-and-out.md``.

    .. note::
        Whoever can template ``paths`` can publish any image that the worker can read: the service serves uploads at
        public links.

    :param paths: list of files, folders, patterns such as ``photos/*.png`` and object storage URIs
        (``s3://conn_id@bucket/folder``) of images, mixed: PNG or JPEG, with the extra ``images`` also WebP, AVIF and,
        where pillow-heif is installed, HEIC. An http(s) link among them is checked and handed on; one with a query is
        copied, since a signature must not get into the return value. Templated.
    :param crop: cut each to its middle square, 512 x 512: here with the extra ``images``, otherwise by the service.
        Without it the file is uploaded as it is, 5 MB at most; with the extra ``images`` converted where a program
        that reads nothing but pixels would see it lying on its side or in other colours. Templated.
    :param copy_links: upload an own copy of the image behind each http(s) link too, upright and cut, instead of
        handing the link on. Templated.
    :param report_only: check every image, say what would be uploaded, and upload nothing. Templated.
    :param dreambooth_conn_id: the connection. Templated.
    :return: the public links; with ``report_only`` the names of the images that would be uploaded.
    :raises DreamboothValidationError: an image that the service could not use; nothing was uploaded.
    """

    template_fields: Sequence[str] = ("paths", "crop", "copy_links", "report_only", "dreambooth_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"paths": "json"}
    ui_color = "#e6f5ea"

    def __init__(
        self,
        *,
        paths: Any,
        crop: bool | str = True,
        copy_links: bool | str = False,
        report_only: bool | str = False,
        dreambooth_conn_id: str = DEFAULT_CONNECTION_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.paths = paths
        self.crop = crop
        self.copy_links = copy_links
        self.report_only = report_only
        self.dreambooth_conn_id = dreambooth_conn_id

    def execute(self, context: Context) -> list[str]:
        """Check the images and upload those that have no public link."""
        # Here, since a DAG is parsed far more often than it runs.
        from airflow_provider_dreambooth.images import record, supply

        store = state_store(context)
        with self.errors_for_airflow():
            copy_all = yes_or_no("copy_links", self.copy_links)
            images = supply.ImageSupply(
                hook=self.hook,
                store=store,
                log=self.log,
                clock=time.time,
                field="paths",
                crop=yes_or_no("crop", self.crop),
                copies=lambda link: copy_all or holds_secret(link),
            )
            report_only = yes_or_no("report_only", self.report_only, absent=False)
            images.gather(self.paths)
            if report_only:
                names = images.without_link()
                self.log.info("Would be uploaded (report_only): %s", ", ".join(names) or "nothing")
                return names
            links = images.links()
        if not store.keeps_ended:
            record.forget(store)
        return links
