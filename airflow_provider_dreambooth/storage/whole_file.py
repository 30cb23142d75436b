# SPDX-License-Identifier: Apache-2.0
"""
Writing a file whole or not at all, and over another only when asked to.

* the worker's disk: Linux writes a file without a name and names it when it is whole, so a crash leaves nothing;
  elsewhere a hidden name in the same folder is moved into place. That file is made again each time, never opened
  where somebody else, or a symbolic link of theirs, is waiting.
* an object store: one PUT, which is atomic there; "only if there is none" is the store's own condition.
* any other file system: a hidden name in the same folder, then a move.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from airflow_provider_dreambooth.storage.place import WITH_BUCKETS, Place

#: File systems whose PUT shows a file whole or not at all.
_OBJECT_STORES = WITH_BUCKETS | {"oci", "memory"}


def write_whole(place: Place, content: bytes, *, overwrite: bool) -> None:
    """
    Write a file.

    :param place: where; folders on the way are made.
    :param overwrite: whether it may replace a file.
    :raises FileExistsError: there is one and it may not be replaced.
    """
    if place.is_local:
        _write_local(Path(place.path), content, overwrite=overwrite)
    elif place.protocols & _OBJECT_STORES:
        _put(place, content, overwrite=overwrite)
    else:
        _write_and_move(place, content, overwrite=overwrite)
    place.forget_listings()


def hidden(name: str) -> str:
    """Return the name that an unfinished file has; always the same, so that the next try replaces it."""
    return f".{name}.part"


def _write_local(target: Path, content: bytes, *, overwrite: bool) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(hidden(target.name))
    if overwrite or not _write_unnamed(target, content):
        # What an earlier try left goes; a link is removed and not followed.
        unfinished.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        with os.fdopen(os.open(unfinished, flags, 0o666), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            if overwrite:
                unfinished.replace(target)
            else:
                _move_if_free(unfinished, target)
        finally:
            unfinished.unlink(missing_ok=True)


def _write_unnamed(target: Path, content: bytes) -> bool:
    """Return whether this could be done at all: not every system and file system has files without a name."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None:
        return False
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        try:
            handle = os.open(target.parent, flag | os.O_WRONLY, 0o666)
        except OSError as error:
            if error.errno in (errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT, errno.EINVAL):
                return False
            raise
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
            try:
                # With a folder's handle Python follows the link in /proc, which is what gives the file its name.
                os.link(f"/proc/self/fd/{handle}", target, src_dir_fd=folder, follow_symlinks=True)
            except FileExistsError:
                raise
            except OSError:
                return False
    finally:
        os.close(folder)
    return True


def _move_if_free(unfinished: Path, target: Path) -> None:
    try:
        os.link(unfinished, target)
    except FileExistsError:
        raise
    except OSError:
        # A file system without links: two writers at the same moment could meet here.
        if target.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target)) from None
        unfinished.replace(target)


def _put(place: Place, content: bytes, *, overwrite: bool) -> None:
    if not overwrite:
        if place.kind() is not None:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place.uri)
        try:
            place.filesystem.pipe_file(place.path, content, mode="create")
        except (TypeError, NotImplementedError, ValueError):
            # A store whose client knows no condition, or passes it on unread: the check before has to do.
            pass
        else:
            return
    place.filesystem.pipe_file(place.path, content)


def _write_and_move(place: Place, content: bytes, *, overwrite: bool) -> None:
    folder = place.path.rpartition("/")[0]
    place.filesystem.makedirs(folder, exist_ok=True)
    unfinished = f"{folder}/{hidden(place.name)}"
    if place.filesystem.exists(unfinished):
        place.filesystem.rm_file(unfinished)
    try:
        place.filesystem.pipe_file(unfinished, content, mode="create")
    except (TypeError, NotImplementedError, ValueError):
        # A file system whose client knows no condition.
        place.filesystem.pipe_file(unfinished, content)
    if place.kind() is not None:
        if not overwrite:
            place.filesystem.rm_file(unfinished)
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), place.uri)
        place.filesystem.rm_file(place.path)
    place.filesystem.mv(unfinished, place.path)
