"""
A file or folder on the worker or in object storage, by the text that a DAG author writes for it.

Airflow's ``ObjectStoragePath`` brings the file system and its connection; names are then taken letter by letter,
so that a ``#`` or ``?`` in the name of a photograph stays part of it.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from airflow_provider_dreambooth.exceptions import DreamboothValidationError

_URI = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?:(?P<connection>[^/@]*)@)?(?P<rest>.*)", re.DOTALL
)
_LOCAL = ("file", "local")
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
        :raises DreamboothValidationError: nothing on this worker serves the URI's scheme.
        """
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        match = _URI.fullmatch(text)
        if match is None:
            path = os.path.abspath(os.path.expanduser(text))  # noqa: PTH100, PTH111 - a Path would lose a closing /
            return cls(ObjectStoragePath("file:///").fs, path, "")
        scheme, connection, rest = match["scheme"].lower(), match["connection"], match["rest"]
        before = f"{scheme}://{connection}@" if connection else f"{scheme}://"
        root = "/" if scheme in _LOCAL else rest.partition("/")[0] + "/"
        try:
            filesystem = ObjectStoragePath(before + root).fs
        except ValueError:
            brings = _BROUGHT_BY.get(scheme)
            mend = f"Install {brings}" if brings else "Install the Airflow provider that brings it"
            raise DreamboothValidationError(
                f"{text!r}: nothing on this worker serves {scheme}:// addresses. {mend}, or check the spelling. "
                "Nothing was sent to the service and nothing was paid."
            ) from None
        return cls(filesystem, str(filesystem._strip_protocol(f"{scheme}://{rest}")), before)

    @property
    def uri(self) -> str:
        """The place as a DAG author writes it: a plain path, or a URI with its connection."""
        return self.prefix + self.path

    @property
    def name(self) -> str:
        """The last part of the name."""
        return self.path.rstrip("/").rpartition("/")[2]

    @property
    def is_local(self) -> bool:
        """Whether it is on the worker's own disk."""
        protocol = self.filesystem.protocol
        return any(name in _LOCAL for name in ([protocol] if isinstance(protocol, str) else protocol))

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
        """Let the next look see what is there now."""
        self.filesystem.invalidate_cache()
