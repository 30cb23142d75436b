# SPDX-License-Identifier: Apache-2.0
"""Reading images, wherever they are: bounded, and each only while it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import IO, TYPE_CHECKING

from airflow_provider_dreambooth.exceptions import DreamboothTransientError
from airflow_provider_dreambooth.images.image import TrainingImage
from airflow_provider_dreambooth.images.inspection import beyond, digest_of
from airflow_provider_dreambooth.images.limits import MOST_FILE_BYTES, NotUsableError
from airflow_provider_dreambooth.images.links import LinkCheck, check_links
from airflow_provider_dreambooth.images.preparation import too_large
from airflow_provider_dreambooth.transport.address import may_be_private
from airflow_provider_dreambooth.transport.download import Download
from airflow_provider_dreambooth.transport.trust import proxy_for

if TYPE_CHECKING:
    from airflow_provider_dreambooth.connection import ConnectionSettings


class ImageReader:
    """
    Reads the images of one task.

    :param settings: the connection, for links.
    :param crop: whether an upload may be made smaller.
    """

    def __init__(self, settings: ConnectionSettings, *, crop: bool) -> None:
        self._settings = settings
        self._crop = crop

    def content(self, image: TrainingImage) -> bytes:
        """
        Return the bytes of an image that is uploaded.

        :raises NotUsableError: it is too large.
        :raises NotFetchedError: its link cannot be fetched.
        """
        read: bytes | None
        if image.place is None:
            assert image.link is not None
            with self._fetch(image.link) as file:
                read = file.read()
        else:
            size = image.place.size()
            if size is not None and size > MOST_FILE_BYTES:
                raise NotUsableError(beyond(size))
            read = image.place.read_up_to(MOST_FILE_BYTES)
            if read is None:
                raise NotUsableError(beyond(MOST_FILE_BYTES + 1))
        what = too_large(len(read), crop=self._crop)
        if what is not None:
            raise NotUsableError(what)
        return read

    def content_again(self, image: TrainingImage) -> bytes:
        """
        Return the bytes of an image that was read before: holding a folder of photographs in memory would take gigabytes.

        :raises DreamboothTransientError: it is not what it was.
        """
        content = self.content(image)
        if image.facts is None or digest_of(content) != image.facts.digest:
            raise DreamboothTransientError(
                f"{image.name} was changed while the images were being read. Nothing was paid. A retry reads them all again."
            )
        return content

    def check(self, links: Sequence[str]) -> dict[str, LinkCheck]:
        """Check links that are passed on."""
        links = list(dict.fromkeys(links))
        checks = check_links(
            links,
            fetch=self._fetch,
            allow_private=self._allow_private,
            behind_proxy=any(proxy_for(link) for link in links),
        )
        return dict(zip(links, checks, strict=True))

    @cached_property
    def _allow_private(self) -> bool:
        return may_be_private(self._settings.base_url)

    def _fetch(self, link: str) -> IO[bytes]:
        download = Download(self._settings, allow_private=self._allow_private)
        return download.fetch(link, limit=MOST_FILE_BYTES)
