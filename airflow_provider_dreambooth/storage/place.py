"""
A file or folder on the worker or in object storage, by the text that a DAG author writes for it.

Airflow's ``ObjectStoragePath`` brings the file system and its connection; names are then taken letter by letter,
so that a ``#`` or ``?`` in the name of a photograph stays part of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
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
        """Return ``file`` or ``directory``, ``None`` when there is nothing. What can be asked for can also fail."""
        try:
            kind = str(self.filesystem.info(self.path).get("type"))
        except FileNotFoundError:
            return None
        return "directory" if kind == "directory" else "file"

    def size(self) -> int | None:
        """Return the bytes of a file, ``None`` when the storage does not say."""
        size = self.filesystem.info(self.path).get("size")
        return size if isinstance(size, int) else None

    def read(self) -> bytes:
        """Return the content of a file."""
        return bytes(self.filesystem.cat_file(self.path))

    def files(self) -> Iterator[Place]:
        """Yield the files right in this folder, by name."""
        listed = self.filesystem.ls(self.path, detail=True)
        for entry in sorted(listed, key=lambda entry: str(entry["name"])):
            # Some stores list a folder's own marker as a file in it.
            same = str(entry["name"]).rstrip("/") == self.path.rstrip("/")
            if entry.get("type") != "directory" and not same:
                yield Place(self.filesystem, str(entry["name"]), self.prefix)

    def matches(self) -> Iterator[Place]:
        """Yield the files that match this place's name taken as a pattern, by name."""
        found = self.filesystem.glob(self.path, detail=True)
        for name in sorted(found):
            if found[name].get("type") != "directory":
                yield Place(self.filesystem, name, self.prefix)

    def forget_listings(self) -> None:
        """Let the next look see what is there now."""
        self.filesystem.invalidate_cache()
