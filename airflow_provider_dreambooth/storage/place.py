# SPDX-License-Identifier: Apache-2.0
"""
A file or folder on the worker or in object storage, by the text that a DAG author writes for it.

Airflow's ``ObjectStoragePath`` brings the file system and its connection; names are then taken letter by letter,
so that a ``#`` or ``?`` in the name of a photograph stays part of it. What names a file on the worker means what Python's
own :mod:`pathlib` says: ``~`` is the user's home, a ``file:`` URI is decoded as in ``Path.from_uri``.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from airflow_provider_dreambooth.exceptions import DreamboothValidationError

_URI = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<connection>[^/@]*)@)?(?P<rest>.*)", re.DOTALL
)
_LOCAL = frozenset({"file", "local"})
_FILE_URI = re.compile(r"(?:file|local):", re.IGNORECASE)
#: A scheme whose ``//`` is missing or incomplete: taken letter by letter it would be a folder called "s3:".
_ALMOST_A_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")
#: Protocols of file systems whose first part of a path is a bucket, or container, that must exist.
WITH_BUCKETS = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss"})
#: Scheme -> what to install for it.
_BROUGHT_BY = {
    "s3": "apache-airflow-providers-amazon[s3fs]",
    "gs": "apache-airflow-providers-google",
    "gcs": "apache-airflow-providers-google",
    "abfs": "apache-airflow-providers-microsoft-azure",
    "abfss": "apache-airflow-providers-microsoft-azure",
    "adl": "apache-airflow-providers-microsoft-azure",
}


class Place:
    """
    One file or folder. Make it with :meth:`of`.

    :param filesystem: fsspec's file system.
    :param path: the name within it.
    :param prefix: what comes before the name in the URI; empty for a path on the worker.
    """

    def __init__(self, filesystem: Any, path: str, prefix: str) -> None:
        self.filesystem = filesystem
        self.path = path
        self.prefix = prefix

    @classmethod
    def of(cls, text: str) -> Place:
        """
        Return the place that a text names.

        :param text: a path on the worker, or a URI such as ``s3://conn_id@bucket/folder``.
        :raises DreamboothValidationError: nothing on this worker serves the URI's scheme, or it names no file here.
        """
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        if _FILE_URI.match(text):
            return cls(ObjectStoragePath("file:///").fs, _path_of_uri(text), "file://")
        match = _URI.fullmatch(text)
        if match is None:
            return cls(ObjectStoragePath("file:///").fs, _local_path(text), "")
        scheme, connection, rest = match["scheme"].lower(), match["connection"], match["rest"]
        before = f"{scheme}://{connection}@" if connection else f"{scheme}://"
        root = rest.partition("/")[0] + "/"
        try:
            filesystem = ObjectStoragePath(before + root).fs
        except ValueError:
            brings = _BROUGHT_BY.get(scheme)
            fix = f"Install {brings}" if brings else "Install the Airflow provider that brings it"
            raise DreamboothValidationError(
                f"{text!r}: nothing on this worker serves {scheme}:// addresses. {fix}, or check the spelling. "
                "Nothing was sent to the service and nothing was paid."
            ) from None
        return cls(filesystem, str(filesystem._strip_protocol(f"{scheme}://{rest}")), before)

    @property
    def uri(self) -> str:
        """The place as a DAG author writes it: a plain path, or a URI with its connection."""
        return self.prefix + (quote(os.fsencode(self.path)) if self.prefix == "file://" else self.path)

    @property
    def name(self) -> str:
        """The last part of the name."""
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def is_local(self) -> bool:
        """Whether it is on the worker's own disk."""
        return bool(self.protocols & _LOCAL)

    @property
    def protocols(self) -> frozenset[str]:
        """The names of the file system's protocol."""
        protocol = self.filesystem.protocol
        return frozenset([protocol] if isinstance(protocol, str) else protocol)

    def __truediv__(self, name: str) -> Place:
        return Place(self.filesystem, f"{self.path.rstrip('/')}/{name}", self.prefix)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Place) and (self.uri, self.filesystem) == (other.uri, other.filesystem)

    def __hash__(self) -> int:
        return hash(self.uri)

    def __repr__(self) -> str:
        return f"Place({self.uri!r})"

    def kind(self) -> str | None:
        """
        Return ``file`` or ``directory``, ``None`` when there is nothing, ``other`` for a device or a pipe.

        What can be asked for can also fail.
        """
        try:
            kind = str(self.filesystem.info(self.path).get("type"))
        except FileNotFoundError:
            return None
        if kind == "directory":
            return "directory"
        return "other" if kind == "other" and self.is_local else "file"

    def missing_bucket(self) -> str | None:
        """Return the bucket, or container, that this place would be in and that does not exist. Asks the storage."""
        if not self.protocols & WITH_BUCKETS:
            return None
        bucket = self.path.lstrip("/").partition("/")[0]
        try:
            self.filesystem.info(bucket)
        except FileNotFoundError:
            return bucket
        return None

    def size(self) -> int | None:
        """Return the bytes of a file, ``None`` when the storage does not say."""
        size = self.filesystem.info(self.path).get("size")
        return size if isinstance(size, int) else None

    def read(self) -> bytes:
        """Return the content of a file."""
        return bytes(self.filesystem.cat_file(self.path))

    def read_up_to(self, limit: int) -> bytes | None:
        """
        Return the content of a regular file, ``None`` when it has more bytes.

        :param limit: most bytes to read.
        :raises OSError: it is no regular file, such as a device or a pipe, which could go on for ever.
        """
        if self.is_local:
            # Without waiting: to open a pipe that nobody writes to would never end.
            handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            with os.fdopen(handle, "rb") as file:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise OSError(errno.EINVAL, "not a regular file")
                content = file.read(limit + 1)
        else:
            with self.filesystem.open(self.path, "rb") as file:
                content = bytes(file.read(limit + 1))
        return content if len(content) <= limit else None

    def entries(self) -> Iterator[tuple[Place, str]]:
        """Yield what is right in this folder, each with its kind: ``file``, ``directory`` or ``other``."""
        for entry in self.filesystem.ls(self.path, detail=True):
            # Some stores list a folder's own marker as a file in it.
            if str(entry["name"]).rstrip("/") != self.path.rstrip("/"):
                yield self._entry(entry)

    def matches(self) -> Iterator[tuple[Place, str]]:
        """Yield what matches this place's name taken as a pattern, as :meth:`entries` does."""
        yield from map(self._entry, self.filesystem.glob(self.path, detail=True).values())

    def _entry(self, entry: dict[str, Any]) -> tuple[Place, str]:
        place, kind = Place(self.filesystem, str(entry["name"]), self.prefix), str(entry.get("type"))
        if entry.get("islink") and self.is_local:
            # fsspec tells the kind of the link itself.
            path = Path(place.path)
            kind = "directory" if path.is_dir() else "file" if path.is_file() else "other"
        return place, kind

    def forget_listings(self) -> None:
        """Forget cached listings: what is asked next is what is there now."""
        self.filesystem.invalidate_cache()


def _path_of_uri(text: str) -> str:
    """Return the path of a ``file:`` URI, as ``Path.from_uri`` of Python 3.13 does."""
    rest = text.partition(":")[2]
    if rest.startswith("//"):
        host, _, path = rest[2:].partition("/")
        if host.lower() not in ("", "localhost"):
            raise _no_file_here(text, f"it names the host {host!r}", "Write file:///folder")
        rest = f"/{path}"
    if not rest.startswith("/"):
        raise _no_file_here(text, "a file URI needs the whole path", "Write file:///folder")
    return _local_path(os.fsdecode(unquote_to_bytes(rest)))


def _local_path(text: str) -> str:
    if _ALMOST_A_URI.match(text):
        raise _no_file_here(
            text, "it looks like a storage URI without its //", "Write scheme://bucket/folder"
        )
    if "\0" in text:
        raise _no_file_here(text, "no path can hold a NUL", "Check where the text comes from")
    try:
        # Raises for the home of a user that this machine does not know.
        Path(text).expanduser()
    except RuntimeError as error:
        raise _no_file_here(text, str(error), "Write the whole path") from None
    return os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111 - a Path would lose a closing /


def _no_file_here(text: str, why: str, correction: str) -> DreamboothValidationError:
    return DreamboothValidationError(
        f"{text!r} names no file or folder on this worker: {why}. {correction}. "
        "Nothing was sent to the service and nothing was paid."
    )
