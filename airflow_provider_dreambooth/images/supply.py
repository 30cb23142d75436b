"""
From what stands in ``images`` to public links, in two steps.

:meth:`ImageSupply.gather` finds and reads what is stored: enough to know whether this is the same training as
before. Only when a training is about to be paid, :meth:`ImageSupply.links` checks every picture, tells all that is
wrong in one error, and uploads what has no public link, each picture once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.exceptions import DreamboothError, DreamboothTransientError
from airflow_provider_dreambooth.images.inspection import (
    ADVISED_SIDE,
    LARGEST,
    Facts,
    NotUsableError,
    digest_of,
    inspect,
)
from airflow_provider_dreambooth.images.links import check_links
from airflow_provider_dreambooth.images.preparation import EXTRA, has_pillow, prepared, too_large
from airflow_provider_dreambooth.images.problem import Problem, refusal
from airflow_provider_dreambooth.images.record import ImagesRecord
from airflow_provider_dreambooth.images.sources import Source, checked_texts, find, unreadable
from airflow_provider_dreambooth.training.fingerprint import account_of, is_hosted
from airflow_provider_dreambooth.transport.retry import RetryPolicy
from airflow_provider_dreambooth.transport.trust import proxy_for

if TYPE_CHECKING:
    from airflow_provider_dreambooth.hooks.dreambooth import DreamboothHook
    from airflow_provider_dreambooth.runtime.state_store import StateStore

#: How patient the look at a link is: a second try for a server that stumbles.
_LOOK = RetryPolicy(tries=2, total=20.0, first_delay=1.0)
#: Seconds for which a task that waits its turn does not look at its pictures again.
_STAYS_IN_ORDER = 3600.0


@dataclass(frozen=True)
class Picture:
    """
    One picture and what is known of it.

    :param source: where it is.
    :param facts: about its content; ``None`` for a link that was not looked at, or content that is not in order.
    """

    source: Source
    facts: Facts | None = None

    @property
    def identity(self) -> str:
        """What stands for the picture: its content, or the link itself when that is what the author wrote."""
        if self.source.link is not None:
            return self.source.link
        return self.facts.digest if self.facts is not None else ""


class ImageSupply:
    """
    The pictures of one task.

    :param hook: uploads, and fetches links.
    :param store: the task's state store.
    :param log: Airflow's task log.
    :param clock: epoch seconds.
    :param field: the argument's name, for messages.
    :param fewest: pictures that are needed.
    :param too_few: why, as the end of a sentence.
    :param crop: cut uploads to 512 x 512.
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
    ) -> None:
        settings = hook.settings
        self._hook = hook
        self._log = log
        self._clock = clock
        self._field = field
        self._fewest = fewest
        self._too_few = too_few
        self._crop = crop
        self._hosted = is_hosted(settings.base_url)
        self._record = ImagesRecord(store, account_of(settings.base_url, settings.environment), clock)
        self._texts: tuple[str, ...] = ()
        self._pictures: list[Picture] = []
        self._problems: list[Problem] = []
        self._links: list[str] | None = None

    def gather(self, value: Any) -> None:
        """
        Find the pictures and read those that are stored. What is wrong with them is kept for later.

        :param value: what stands in the argument.
        :raises DreamboothValidationError: it is no list.
        """
        self._texts = checked_texts(value, self._field)
        sources, self._problems = find(self._texts)
        self._pictures = [self._looked_at(source) for source in sources]
        self._links = None
        if not self._problems and len(sources) < self._fewest:
            count = f"{len(sources)} picture{'' if len(sources) == 1 else 's'}"
            self._problems.append(
                Problem(self._field, f"has {count}; at least {self._fewest} are needed{self._too_few}")
            )

    def identities(self, *, known: bool) -> list[str]:
        """
        Return what stands for the pictures in a training's fingerprint, in an order of their own.

        :param known: there is a training that may be this one's. Pictures that are in order no more, moved or
            deleted since, then count as what they were.
        :raises DreamboothError: the one error that lists all that is wrong.
        """
        if self._problems:
            seen = self._record.seen() if known else None
            if seen is None or seen.texts != self._texts:
                self._check()
            else:
                self._log.warning(
                    "%s is not what it was when the training was started (%s %s). The pictures of then are taken "
                    "to look for the training.",
                    self._field,
                    self._problems[0].source,
                    self._problems[0].what,
                )
                return sorted(seen.identities)
        return sorted(picture.identity for picture in self._pictures)

    def links(self) -> list[str]:
        """
        Return a public link for each picture, in order, after checking and uploading what needs it.

        :raises DreamboothError: the one error that lists all that is wrong. Nothing was uploaded then.
        """
        if self._links is None:
            identities = [picture.identity for picture in self._pictures]
            if self._problems or not self._are_in_order(identities):
                self._check()
                self._record.keep_seen(self._texts, identities)
            self._links = self._uploaded()
        return list(self._links)

    def without_link(self) -> list[str]:
        """
        Return the names of the pictures that :meth:`links` would upload, after checking every picture; store nothing.

        :raises DreamboothError: the one error that lists all that is wrong.
        """
        self._check()
        return [
            picture.source.name
            for picture in self._pictures
            if picture.source.link is None and self._record.link_of(self._upload_key(picture)) is None
        ]

    def _are_in_order(self, identities: Sequence[str]) -> bool:
        seen = self._record.seen()
        if seen is None or seen.identities != tuple(identities):
            return False
        return 0 <= self._clock() - seen.at < _STAYS_IN_ORDER

    def _looked_at(self, source: Source) -> Picture:
        if source.place is None:
            return Picture(source)
        problem = None
        try:
            size = source.place.size()
            what = None if size is None else _beyond(size) or too_large(size, crop=self._crop)
            if what is None:
                return Picture(source, inspect(source.place.read()))
            problem = Problem(source.name, what)
        except NotUsableError as error:
            problem = Problem(source.name, str(error))
        except Exception as error:
            # Every storage has exceptions of its own.
            problem = unreadable(source.name, error)
        self._problems.append(problem)
        return Picture(source)

    def _check(self) -> None:
        """Look at every link, compare all pictures, and tell what is wrong."""
        problems = list(self._problems)
        problems += self._check_links()
        problems += self._same_twice()
        if problems:
            raise refusal(self._field, problems)
        self._warn()

    def _check_links(self) -> list[Problem]:
        links = list(
            dict.fromkeys(
                picture.source.link for picture in self._pictures if picture.source.link is not None
            )
        )
        looks = check_links(
            links,
            download=self._download,
            service_is_hosted=self._hosted,
            behind_proxy=any(proxy_for(link) for link in links),
        )
        checks = dict(zip(links, looks, strict=True))
        problems: list[Problem] = []
        for index, picture in enumerate(self._pictures):
            link = picture.source.link
            if link is None:
                continue
            check = checks[link]
            if check.error:
                problems.append(Problem(picture.source.name, check.error))
            elif check.warning:
                self._log.warning(
                    "%s %s. It is passed on unseen: if the service cannot fetch it either, it trains without it, and "
                    "fails a training, after it is paid, that is left with fewer than 3.",
                    picture.source.name,
                    check.warning,
                )
            self._pictures[index] = replace(picture, facts=check.facts)
        return problems

    def _same_twice(self) -> list[Problem]:
        problems: list[Problem] = []
        first: dict[str, Source] = {}
        for picture in self._pictures:
            keys = [picture.source.link] if picture.source.link is not None else []
            keys += [picture.facts.digest] if picture.facts is not None else []
            before = next((first[key] for key in keys if key in first), None)
            if before is not None:
                same = "stands there twice" if before.name == picture.source.name else ""
                problems.append(Problem(picture.source.name, same or f"is the same picture as {before.name}"))
            for key in keys:
                first.setdefault(key, picture.source)
        return problems

    def _warn(self) -> None:
        known = [(picture, picture.facts) for picture in self._pictures if picture.facts is not None]
        small = [picture.source.name for picture, facts in known if facts.short_side < ADVISED_SIDE]
        if small:
            self._log.warning(
                "%d of %d pictures are smaller than the advised %d pixels on the short side and will be enlarged: %s",
                len(small),
                len(self._pictures),
                ADVISED_SIDE,
                _listed(small),
            )
        squeezed = [
            picture.source.name
            for picture, facts in known
            if picture.source.link is not None and facts.width != facts.height
        ]
        if squeezed:
            self._log.warning(
                "%d links lead to pictures that are not square; the service squeezes them to 512 x 512. Files and "
                "storage URIs are cut to a square instead: %s",
                len(squeezed),
                _listed(squeezed),
            )

    def _uploaded(self) -> list[str]:
        links: list[str] = []
        sent = 0
        for picture in self._pictures:
            link = picture.source.link
            if link is None:
                assert picture.facts is not None
                upload = self._upload_key(picture)
                link = self._record.link_of(upload)
                if link is None:
                    link = self._upload(picture.source, picture.facts)
                    self._record.keep_link(upload, link)
                    sent += 1
            links.append(link)
        stored = sum(picture.source.link is None for picture in self._pictures)
        if stored:
            self._log.info(
                "Pictures: %d, of which %d without a public link: %d uploaded now (free), %d by an earlier try.",
                len(links),
                stored,
                sent,
                stored - sent,
            )
        return links

    def _upload_key(self, picture: Picture) -> str:
        return picture.identity if self._crop else f"{picture.identity} whole"

    def _upload(self, source: Source, facts: Facts) -> str:
        assert source.place is not None
        content = self._read_again(source, facts)
        ready = self._crop and has_pillow()
        try:
            content = prepared(content) if ready else content
        except NotUsableError as error:
            raise refusal(self._field, [Problem(source.name, str(error))]) from None
        if self._crop and not ready:
            self._log.debug("Without %s the service cuts %s itself.", EXTRA, source.name)
        # What is square already is not cut a second time.
        return self._hook.upload_image(content, crop=self._crop and not ready, name=source.name).url

    def _read_again(self, source: Source, facts: Facts) -> bytes:
        """Read a picture that was looked at before: holding a folder of photographs in memory would take gigabytes."""
        assert source.place is not None
        try:
            content = source.place.read()
        except Exception as error:
            raise refusal(self._field, [unreadable(source.name, error)]) from None
        if digest_of(content) != facts.digest:
            raise DreamboothTransientError(
                f"{source.name} was changed while the pictures were being read. Nothing was paid. A retry reads all anew."
            )
        return content

    def _download(self, link: str) -> bytes:
        try:
            return self._hook.get_conn().download(link, limit=LARGEST, policy=_LOOK)
        except DreamboothError:
            raise
        except Exception as error:
            # A link that the HTTP library cannot even take apart.
            raise DreamboothTransientError(f"{type(error).__name__}") from None


def _beyond(size: int) -> str | None:
    if size <= LARGEST:
        return None
    return f"has {size / 1048576:.0f} MB; a picture has {LARGEST // 1048576} MB at most"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"
