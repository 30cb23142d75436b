# SPDX-License-Identifier: Apache-2.0
"""
From what is written in ``images`` to public links, in two steps.

:meth:`ImageSupply.gather` finds and reads what is stored: enough to know whether this is the same training as
before. Only when a training is about to be paid, :meth:`ImageSupply.links` checks every image, tells all that is
wrong in one error, and uploads what has no public link, each image once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api.fingerprint import account_of
from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothTransientError
from airflow_provider_dreambooth.images import decoding
from airflow_provider_dreambooth.images.checks import listed, same_twice, warnings_of
from airflow_provider_dreambooth.images.image import TrainingImage, without_secret
from airflow_provider_dreambooth.images.inspection import inspect
from airflow_provider_dreambooth.images.limits import NotUsableError
from airflow_provider_dreambooth.images.preparation import prepared
from airflow_provider_dreambooth.images.problem import Problem, refusal
from airflow_provider_dreambooth.images.reading import ImageReader
from airflow_provider_dreambooth.images.record import ImagesRecord, Seen
from airflow_provider_dreambooth.images.sources import checked_texts, find, unreadable
from airflow_provider_dreambooth.transport.download import NotFetchedError

if TYPE_CHECKING:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.runtime.state_store import StateStore

#: Seconds for which a task that waits for a place in the queue does not check its images again.
_STAYS_IN_ORDER = 3600.0


class ImageSupply:
    """
    The images of one task.

    :param hook: uploads, and has the settings to fetch links with.
    :param store: the task's state store.
    :param log: Airflow's task log.
    :param clock: epoch seconds.
    :param field: the argument's name, for messages.
    :param fewest: images that are needed.
    :param too_few: why, as the end of a sentence.
    :param crop: cut uploads to 512 x 512.
    :param copies: whether an own copy of a link's image is uploaded instead of passing the link on.
    """

    def __init__(
        self,
        *,
        hook: DreamboothHook,
        store: StateStore,
        log: Any,
        clock: Callable[[], float],
        field: str = "images",
        fewest: int = 1,
        too_few: str = "",
        crop: bool = True,
        copies: Callable[[str], bool] = lambda link: False,
    ) -> None:
        settings = hook.settings
        self._hook = hook
        self._log = log
        self._clock = clock
        self._field = field
        self._fewest = fewest
        self._too_few = too_few
        self._crop = crop
        self._copies = copies
        self._reader = ImageReader(settings, crop=crop)
        self._record = ImagesRecord(store, account_of(settings.base_url, settings.environment), clock)
        self._texts: tuple[str, ...] = ()
        self._images: list[TrainingImage] = []
        self._problems: list[Problem] = []
        self._links: list[str] | None = None

    def gather(self, value: Any) -> None:
        """
        Find the images and read those that will be uploaded. What is wrong with them is kept for later.

        :param value: what is written in the argument.
        :raises DreamboothValidationError: it is no list.
        """
        self._texts = checked_texts(value, self._field)
        found = find(self._texts)
        self._problems = found.problems
        self._images = [self._read(image) for image in found.images]
        self._links = None
        if found.left_out:
            self._log.warning(
                "%d files or folders are left out: %s",
                len(found.left_out),
                listed([f"{name} {why}" for name, why in found.left_out]),
            )
        if not self._problems and len(self._images) < self._fewest:
            count = f"{len(self._images)} image{'' if len(self._images) == 1 else 's'}"
            self._problems.append(
                Problem(self._field, f"has {count}; at least {self._fewest} are needed{self._too_few}")
            )

    def identities(self, *, known: bool) -> list[str]:
        """
        Return what stands for the images in a training's fingerprint, in an order of their own.

        :param known: there is a training that may be this one's. Images that are in order no more, moved or deleted
            since, then count as what they were, and new links to the same content as the old ones.
        :raises DreamboothError: the one error that lists all that is wrong.
        """
        seen = self._record.seen() if known else None
        if self._problems:
            if seen is None or seen.texts != tuple(map(without_secret, self._texts)):
                self._check()
            else:
                self._log.warning(
                    "%s has changed since the training was started (%s %s). The training is looked up by the images that "
                    "it was started with.",
                    self._field,
                    self._problems[0].name,
                    self._problems[0].what,
                )
                return sorted(seen.identities)
        elif seen is not None:
            self._recognise(seen)
        return sorted(image.identity for image in self._images)

    def links(self) -> list[str]:
        """
        Return a public link for each image, in order, after checking and uploading what needs it.

        :raises DreamboothError: the one error that lists all that is wrong. Nothing was uploaded then.
        """
        if self._links is None:
            if self._problems or not self._are_in_order():
                self._check()
                self._record.keep_seen(self._texts, self._images)
            self._links = self._uploaded()
        return list(self._links)

    def without_link(self) -> list[str]:
        """
        Return the names of the images that :meth:`links` would upload, after checking every image; store nothing.

        :raises DreamboothError: the one error that lists all that is wrong.
        """
        self._check()
        return [
            image.name
            for image in self._images
            if image.is_uploaded and self._record.link_of(self._upload_key(image)) is None
        ]

    def _are_in_order(self) -> bool:
        seen = self._record.seen()
        if seen is None or seen.identities != tuple(image.identity for image in self._images):
            return False
        return 0 <= self._clock() - seen.at < _STAYS_IN_ORDER

    def _recognise(self, seen: Seen) -> None:
        """
        Let new links to the content of earlier ones count as those.

        Images that an upload task uploads again, and presigned links, have new links for the same photographs: to
        fetch them is free, another training is not.
        """
        self._images = [
            replace(image, known_as=seen.known_as[image.identity])
            if image.identity in seen.known_as
            else image
            for image in self._images
        ]
        gone = seen.missing({image.identity for image in self._images})
        new = [
            index
            for index, image in enumerate(self._images)
            if not image.is_uploaded and image.identity not in seen.identities
        ]
        if not gone or not new:
            return
        checks = self._reader.check([str(self._images[index].link) for index in new])
        for index in new:
            image = self._images[index]
            check = checks[str(image.link)]
            if check.facts is not None:
                known_as = gone.pop(check.facts.digest, None)
                self._images[index] = replace(image, facts=check.facts, known_as=known_as)
            elif check.warning is not None and gone:
                raise DreamboothTransientError(
                    f"{image.name} {check.warning}. So it is not known whether it is the image of an earlier link, and "
                    "belongs to the training that is paid already. Nothing was paid. A retry checks again; if this "
                    f"worker can never reach it, give the file or storage URI in {self._field} instead."
                )
        if sorted(image.identity for image in self._images) == sorted(seen.identities):
            self._log.info(
                "%d links are new and lead to the same images as before: this is the same training.", len(new)
            )
            # The new links may end before the next try.
            self._record.keep_seen(self._texts, self._images, at=seen.at)

    def _read(self, image: TrainingImage) -> TrainingImage:
        """Return the image with what is known of its content, if that will be uploaded."""
        if image.link is not None:
            image = replace(image, copied=self._copies(image.link))
        if not image.is_uploaded:
            return image
        try:
            return replace(image, facts=inspect(self._reader.content(image)))
        except NotUsableError as error:
            problem = Problem(image.name, str(error))
        except NotFetchedError as error:
            problem = Problem(image.name, error.reason, transient=error.is_transient)
        except Exception as error:
            # Every storage has exceptions of its own.
            problem = unreadable(image.name, error)
        self._problems.append(problem)
        return image

    def _check(self) -> None:
        """Check every link, compare all images, and tell what is wrong."""
        problems = [*self._problems, *self._check_links(), *same_twice(self._images)]
        if problems:
            raise refusal(self._field, problems)
        for warning in warnings_of(self._images):
            self._log.warning("%s", warning)

    def _check_links(self) -> list[Problem]:
        checks = self._reader.check([image.link for image in self._images if image.link and not image.copied])
        problems: list[Problem] = []
        for index, image in enumerate(self._images):
            check = checks.get(image.link or "")
            if check is None:
                continue
            if check.error:
                problems.append(Problem(image.name, check.error))
            elif check.warning:
                self._log.warning(
                    "%s %s. It is passed on unchecked: if the service cannot fetch it either, it trains without it; with "
                    "fewer than 3 images left the training fails after it is paid.",
                    image.name,
                    check.warning,
                )
            self._images[index] = replace(image, facts=check.facts)
        return problems

    def _uploaded(self) -> list[str]:
        links: list[str] = []
        sent = 0
        for image in self._images:
            link = None if image.is_uploaded else image.link
            if link is None:
                upload = self._upload_key(image)
                link = self._record.link_of(upload)
                if link is None:
                    link = self._upload(image)
                    self._record.keep_link(upload, link)
                    sent += 1
            links.append(link)
        uploads = sum(image.is_uploaded for image in self._images)
        if uploads:
            self._log.info(
                "Images: %d, of which %d need an upload: %d uploaded now (free), %d by an earlier try.",
                len(links),
                uploads,
                sent,
                uploads - sent,
            )
        return links

    def _upload_key(self, image: TrainingImage) -> str:
        return image.identity if self._crop else f"{image.identity} whole"

    def _upload(self, image: TrainingImage) -> str:
        try:
            content = prepared(self._reader.content_again(image), crop=self._crop)
        except (NotUsableError, NotFetchedError) as error:
            raise refusal(self._field, [Problem(image.name, str(error))]) from None
        except DreamboothError:
            raise
        except Exception as error:
            raise refusal(self._field, [unreadable(image.name, error)]) from None
        # What is square already is not cut a second time.
        crop = self._crop and not decoding.AVAILABLE
        return self._hook.upload_image(content, crop=crop, name=image.name).url
