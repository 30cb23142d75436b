"""Saving rendered pictures, each with a JSON file that says how it was made."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

_ENDINGS = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp", b"GIF8": ".gif"}


def _ending(content: bytes, url: str) -> str:
    for signature, ending in _ENDINGS.items():
        if content.startswith(signature):
            return ending
    return posixpath.splitext(urlsplit(url).path)[1] or ".bin"


def _stem(url: str, taken: set[str]) -> str:
    """Return a name for the picture that no other of the same call has, and take it."""
    name = stem = posixpath.splitext(posixpath.basename(urlsplit(url).path))[0].strip(".") or "picture"
    number = 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name)
    return name


def save_pictures(
    urls: Sequence[str],
    output_path: str,
    *,
    download: Callable[[str], bytes],
    facts: Mapping[str, Any],
    log: Any,
) -> list[str]:
    """
    Download pictures into a directory or object storage and return where they are.

    :param urls: the service's links.
    :param output_path: local directory or object storage URI.
    :param download: fetches one link.
    :param facts: what to write beside each picture.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    folder = ObjectStoragePath(output_path)
    folder.mkdir(parents=True, exist_ok=True)
    saved: list[str] = []
    stems: set[str] = set()
    for url in urls:
        content = download(url)
        stem = _stem(url, stems)
        target = folder / f"{stem}{_ending(content, url)}"
        target.write_bytes(content)
        note = {**facts, "source": url, "saved_at": datetime.now(UTC).isoformat(timespec="seconds")}
        (folder / f"{stem}.json").write_text(json.dumps(note, indent=2, default=str))
        saved.append(str(target) if "://" in output_path else target.path)
        log.info("Saved %s", saved[-1])
    return saved
