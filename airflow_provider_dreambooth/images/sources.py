"""What stands in ``images``: links, files, folders, patterns. Which pictures that is, in an order that never changes.

A folder stands for the PNG and JPEG files right in it, a pattern for those that match, both by name; hidden files
are left out. A name without ``*``, ``?`` or ``[`` is that one file, whatever its ending.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from airflow_provider_dreambooth.api.fine_tune_rules import is_link
from airflow_provider_dreambooth.api.refusal import refuse, shown
from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.images.problem import Problem
from airflow_provider_dreambooth.storage.place import Place

ENDINGS = (".png", ".jpg", ".jpeg")
_PATTERN_SIGNS = frozenset("*?[")
_WHAT_TO_WRITE = "Write a list of links, files, folders, patterns such as folder/*.png or storage URIs"


@dataclass(frozen=True)
class Source:
    """
    One picture.

    :param name: how messages call it.
    :param link: its public link, when that is what it is.
    :param place: where it is stored, when that is what it is.
    """

    name: str
    link: str | None = None
    place: Place | None = None


def checked_texts(value: Any, field: str) -> tuple[str, ...]:
    """
    Return what stands in the argument, item by item.

    :param value: a list, or anything else with an order, of texts or paths.
    :param field: the argument's name.
    :raises DreamboothValidationError: it is no list, or holds something else.
    """
    if isinstance(value, (str, bytes)):
        text = value if isinstance(value, str) else ""
        raise refuse(
            field,
            "is a single text, not a list",
            f"Write {field}=[{shown(text)}]; for a list out of a template set render_template_as_native_obj=True "
            "on the DAG, or pass the XCom as task.output",
        )
    if isinstance(value, Set):
        # Its order changes from process to process, and with it what the service is sent.
        raise refuse(field, "is a set, which has no order", _WHAT_TO_WRITE)
    if value is None or isinstance(value, Mapping) or not isinstance(value, Iterable):
        if hasattr(value, "__fspath__") or hasattr(value, "conn_id"):
            raise refuse(field, "is a single path, not a list", f"Write {field}=[path]")
        raise refuse(field, f"is {type(value).__name__}, not a list", _WHAT_TO_WRITE)
    texts: list[str] = []
    for position, item in enumerate(value):
        # ObjectStoragePath is a path without being an os.PathLike in every version.
        is_path = hasattr(item, "__fspath__") or hasattr(item, "conn_id")
        text = str(item).strip() if isinstance(item, str) or is_path else ""
        if not text:
            raise refuse(f"{field}[{position}]", f"is {shown(item)}", _WHAT_TO_WRITE)
        texts.append(text)
    return tuple(texts)


def find(texts: Iterable[str]) -> tuple[list[Source], list[Problem]]:
    """
    Return the pictures in order, and what could not be found.

    :param texts: the items of :func:`checked_texts`.
    """
    sources: list[Source] = []
    problems: list[Problem] = []
    for text in texts:
        if text.lower().startswith(("http://", "https://")):
            if is_link(text):
                sources.append(Source(text, link=text))
            else:
                problems.append(Problem(shown(text), "is not a web address that can be fetched"))
            continue
        try:
            sources += _stored(text)
        except _NothingThereError as error:
            problems.append(Problem(text, str(error)))
        except DreamboothValidationError as error:
            problems.append(
                Problem(text, error.message.removeprefix(f"{text!r}: ").partition(" Nothing was")[0])
            )
        except Exception as error:
            # Every storage has exceptions of its own.
            problems.append(unreadable(text, error))
    return sources, problems


def unreadable(text: str, error: Exception) -> Problem:
    """Return the problem that a storage's exception stands for."""
    if isinstance(error, FileNotFoundError):
        return Problem(text, "does not exist")
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, PermissionError):
        return Problem(text, f"may not be read by this worker ({reason})")
    return Problem(text, f"could not be read ({type(error).__name__}: {reason})", passing=True)


class _NothingThereError(Exception):
    pass


def _stored(text: str) -> list[Source]:
    place = Place.of(text)
    place.forget_listings()
    kind = place.kind()
    if kind == "file":
        return [Source(text, place=place)]
    if kind == "directory":
        found, what = _pictures(place.files()), "is a folder without a PNG or JPEG file in it"
    elif _PATTERN_SIGNS & set(text):
        found, what = _pictures(place.matches()), "matches no PNG or JPEG file"
    else:
        raise FileNotFoundError(text)
    if not found:
        raise _NothingThereError(what)
    return found


def _pictures(places: Iterable[Place]) -> list[Source]:
    return [
        Source(place.uri, place=place)
        for place in places
        if place.name.lower().endswith(ENDINGS) and not place.name.startswith(".")
    ]
