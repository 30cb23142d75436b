# SPDX-License-Identifier: Apache-2.0
"""What is written in ``images``: links, files, folders, patterns. Which images that is, in an order that never changes.

A folder stands for the images right in it, a pattern for those that match, both by name; hidden files are passed over
and everything else that is left out is named. A name without ``*``, ``?`` or ``[`` is that one file, whatever its
ending.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_dreambooth.api.fine_tune_rules import is_link
from airflow_provider_dreambooth.api.link_text import for_display, is_web_link
from airflow_provider_dreambooth.api.refusal import check_list, refuse, shown
from airflow_provider_dreambooth.exceptions import DreamboothValidationError
from airflow_provider_dreambooth.images import decoding
from airflow_provider_dreambooth.images.image import TrainingImage
from airflow_provider_dreambooth.images.limits import MOST_IMAGES
from airflow_provider_dreambooth.images.problem import Problem
from airflow_provider_dreambooth.storage.place import Place

#: Ending of a file's name -> its format.
ENDINGS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".webp": "WebP",
    ".avif": "AVIF",
    ".heic": "HEIC",
    ".heif": "HEIC",
}
_PATTERN_SIGNS = frozenset("*?[")
_WHAT_TO_WRITE = "Write a list of links, files, folders, patterns such as folder/*.png or storage URIs"


@dataclass
class Found:
    """
    What was found.

    :param images: the images, in order.
    :param problems: what could not be found.
    :param left_out: what folders and patterns hold and is not used: its name, and why as the rest of a sentence.
    """

    images: list[TrainingImage] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)


def checked_texts(value: Any, field: str) -> tuple[str, ...]:
    """
    Return what is written in the argument, item by item.

    :param value: a list, or anything else with an order, of texts or paths.
    :raises DreamboothValidationError: it is no list, or holds something else.
    """
    if _is_path(value):
        raise refuse(field, "is a single path, not a list", f"Write {field}=[path]")
    value = check_list(field, value, _WHAT_TO_WRITE)
    texts: list[str] = []
    # A mapped task that makes lists, such as an upload for each folder, puts out a list of lists.
    items = [part for item in value for part in (item if _is_list(item) else [item])]
    for position, item in enumerate(items):
        text = str(item).strip() if isinstance(item, str) or _is_path(item) else ""
        if not text:
            what = (
                f"is {shown(item)}" if item is None or item == "" else f"is {type(item).__name__}, not a text"
            )
            raise refuse(f"{field}[{position}]", what, _WHAT_TO_WRITE)
        texts.append(text)
    return tuple(texts)


def _is_path(value: Any) -> bool:
    # ObjectStoragePath is a path without being an os.PathLike in every version.
    return hasattr(value, "__fspath__") or hasattr(value, "conn_id")


def _is_list(item: Any) -> bool:
    return isinstance(item, Sequence) and not isinstance(item, (str, bytes))


def find(texts: Iterable[str]) -> Found:
    """
    Return the images, what could not be found, and what is left out.

    :param texts: the items of :func:`checked_texts`.
    """
    found = Found()
    for text in texts:
        if is_web_link(text):
            name = for_display(text)
            if is_link(text):
                found.images.append(TrainingImage(name, link=text))
            else:
                found.problems.append(Problem(shown(name), "is not a web address that can be fetched"))
            continue
        try:
            _find_stored(text, found)
        except _NothingThereError as error:
            found.problems.append(Problem(text, str(error)))
        except DreamboothValidationError as error:
            found.problems.append(
                Problem(text, error.message.removeprefix(f"{text!r}: ").partition(" Nothing was")[0])
            )
        except Exception as error:
            # Every storage has exceptions of its own.
            found.problems.append(unreadable(text, error))
    if len(found.images) > MOST_IMAGES:
        found.problems = [
            Problem(f"{len(found.images)} images", f"are more than the {MOST_IMAGES} of one task")
        ]
    return found


def unreadable(text: str, error: Exception) -> Problem:
    """Return the problem that a storage's exception stands for."""
    if isinstance(error, FileNotFoundError):
        return Problem(text, "does not exist")
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, PermissionError):
        return Problem(text, f"may not be read by this worker ({reason})")
    return Problem(text, f"could not be read ({type(error).__name__}: {reason})", transient=True)


class _NothingThereError(Exception):
    pass


def _find_stored(text: str, found: Found) -> None:
    place = Place.of(text)
    place.forget_listings()
    kind = place.kind()
    if kind == "file":
        found.images.append(TrainingImage(text, place=place))
        return
    if kind == "other":
        raise _NothingThereError("is not a regular file")
    if kind == "directory":
        entries, nothing = place.entries(), "is a folder without a usable image"
    elif _PATTERN_SIGNS & set(text):
        entries, nothing = place.matches(), "matches no usable image"
    else:
        raise FileNotFoundError(text)
    images: list[TrainingImage] = []
    left_out: list[tuple[str, str]] = []
    for entry, entry_kind in sorted(entries, key=lambda item: item[0].uri):
        if entry.name.startswith("."):
            continue
        why = _why_not(entry, entry_kind)
        if why is None:
            images.append(TrainingImage(entry.uri, place=entry))
        else:
            left_out.append((entry.uri, why))
    if not images:
        names = ", ".join(name.rpartition("/")[2] for name, _ in left_out[:5])
        raise _NothingThereError(nothing + (f" (it contains: {names})" if left_out else ""))
    found.images += images
    found.left_out += left_out


def _why_not(place: Place, kind: str) -> str | None:
    """Return why an entry of a folder is left out, ``None`` when it is used."""
    if kind == "directory":
        return f"is a folder; add {place.uri} or a pattern with ** to use what is in it"
    if kind != "file":
        return "is not a regular file"
    ending = place.name[place.name.rfind(".") :].lower() if "." in place.name else ""
    form = ENDINGS.get(ending)
    if form is None:
        return "has no ending of an image that can be used"
    return None if form in decoding.formats() else f"is a {form} image, {decoding.how_to_support(form)}"
