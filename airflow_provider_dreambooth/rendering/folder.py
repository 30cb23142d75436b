"""
Saving a set of pictures, each with a JSON file beside it that says how it was made.

The JSON is written last: where it stands, the picture is whole. Each name is noted in the task's record before the
first byte is written, so that a later try knows its own files from somebody else's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from airflow_provider_dreambooth.api.refusal import is_absent, refuse
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.rendering.file_name import FileName, ending_of
from airflow_provider_dreambooth.rendering.record import RenderingRecord, RenderingStore
from airflow_provider_dreambooth.storage.place import Place
from airflow_provider_dreambooth.storage.whole_file import write_whole

_ENDINGS_TO_LOOK_FOR = (".json", ".png", ".jpg")


class PictureFolder:
    """
    Where the pictures of one task go.

    :param output_path: a folder on the worker or an object storage URI.
    :param file_name: how they are called.
    :param overwrite: whether a file may be replaced that is not this rendering's.
    :param log: Airflow's task log.
    :raises DreamboothValidationError: nothing on this worker serves the URI, or the folder cannot be written to.
    """

    def __init__(self, output_path: Any, file_name: FileName, *, overwrite: bool, log: Any) -> None:
        text = str(output_path)
        if is_absent(text):
            raise refuse("output_path", "is empty", "Write a folder or a storage URI, or leave it out")
        self._folder = Place.of(text.strip())
        self._file_name = file_name
        self._overwrite = overwrite
        self._log = log
        if self._folder.is_local:
            self._make_local()

    def _make_local(self) -> None:
        import os
        from pathlib import Path

        try:
            Path(self._folder.path).mkdir(parents=True, exist_ok=True)
            writable = os.access(self._folder.path, os.W_OK | os.X_OK)
            reason = "this worker may not write there"
        except OSError as error:
            writable, reason = False, str(error.strerror or error)
        if not writable:
            raise refuse(
                "output_path",
                f"is {self._folder.uri!r}, which cannot be used: {reason}",
                "Name another folder",
            )

    def refuse_taken_names(self, known: RenderingRecord | None, *, samples: int, **values: str) -> None:
        """
        Refuse names that are taken, as far as they are certain before anything is rendered.

        :param known: the rendering of an earlier try, whose own files are no obstacle.
        :param samples: how many pictures there will be.
        :param values: model id and prompt.
        """
        if self._overwrite or not self._file_name.is_known_before or known is not None:
            return
        for index in range(1, samples + 1):
            name = self._file_name.of(index=index, **values)
            for ending in _ENDINGS_TO_LOOK_FOR:
                place = self._folder / (name + ending)
                if place.kind() is not None:
                    raise self._taken(place, "Nothing was rendered.")

    def save(
        self,
        store: RenderingStore,
        *,
        download: Callable[[str], bytes],
        model_id: str,
        prompt: str,
        note: Mapping[str, Any],
    ) -> list[str]:
        """
        Save the pictures that are not saved yet, and return where all of them are.

        :param store: holds the rendering; its links are known.
        :param download: fetches one link, waiting for it to come alive.
        :param model_id: for the names.
        :param prompt: for the names.
        :param note: what is written beside each picture.
        :raises DreamboothError: a link stayed dead, a name is taken, or the storage refused. A retry goes on.
        """
        saved: list[str] = []
        kept = 0
        record = store.load()
        assert record is not None
        for index, url in enumerate(record.urls, 1):
            record = store.load() or record
            stem = self._file_name.of(
                index=index,
                model_id=model_id,
                prompt=prompt,
                seed=note.get("seed"),
                request_id=record.request_id,
            )
            claimed = record.files.get(str(index))
            if claimed is not None and self._is_whole(claimed, stem, record.request_id):
                saved.append(claimed)
                kept += 1
                continue
            content = self._fetched(url, store, download)
            picture = self._folder / (stem + ending_of(content))
            own = claimed == picture.uri
            beside = self._folder / f"{stem}.json"
            facts = {
                **note,
                "request_id": record.request_id,
                "picture": index,
                "pictures": len(record.urls),
                "file": picture.name,
                "source": url,
                "blanked": record.blanked,
                "saved_at": _now(),
            }
            self._write(store, index, picture, beside, content, facts, own=own)
            saved.append(picture.uri)
            self._log.info("Saved %s", picture.uri)
        if kept:
            self._log.info("%d of %d pictures were saved by an earlier try.", kept, len(saved))
        return saved

    def _is_whole(self, uri: str, stem: str, request_id: str) -> bool:
        beside = self._folder / f"{stem}.json"
        try:
            if Place.of(uri).kind() != "file" or beside.kind() != "file":
                return False
            note = json.loads(beside.read())
        except Exception:
            # Whatever it is, it is not what was to be written there: it is written again.
            self._log.debug("%s cannot be read", beside.uri, exc_info=True)
            return False
        return (
            isinstance(note, dict)
            and str(note.get("request_id")) == request_id
            and (Place.of(uri).name == note.get("file"))
        )

    def _fetched(self, url: str, store: RenderingStore, download: Callable[[str], bytes]) -> bytes:
        try:
            return download(url)
        except DreamboothError as error:
            if error.http_status in (403, 404, 410):
                anew = store.missed()
                error.add(
                    "The next try renders anew." if anew else "The next try looks for the same picture again."
                )
            raise

    def _write(
        self,
        store: RenderingStore,
        index: int,
        picture: Place,
        beside: Place,
        content: bytes,
        facts: Mapping[str, Any],
        *,
        own: bool,
    ) -> None:
        overwrite = self._overwrite or own
        place = picture
        try:
            if not overwrite:
                for place in (picture, beside):
                    if place.kind() is not None:
                        raise FileExistsError
                self._claim(store, index, picture.uri)
            for place, whole in ((picture, content), (beside, _as_json(facts))):
                write_whole(place, whole, overwrite=overwrite)
            if self._overwrite:
                self._claim(store, index, picture.uri)
        except FileExistsError:
            if not own:
                self._claim(store, index, None)
            raise self._taken(
                place, "The picture is rendered and waits: clear the task within 20 hours and it is saved."
            ) from None
        except Exception as error:
            # Every storage has exceptions of its own.
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise DreamboothTransientError(
                f"{place.uri} could not be written ({type(error).__name__}: {reason}). The picture is rendered; a retry "
                "saves the same one and pays for no other."
            ) from error

    def _claim(self, store: RenderingStore, index: int, uri: str | None) -> None:
        record = store.load()
        if record is None:
            return
        files = {number: name for number, name in record.files.items() if number != str(index)}
        if uri is not None:
            files[str(index)] = uri
        store.save(replace(record, files=files))

    def _taken(self, place: Place, then: str) -> DreamboothValidationError:
        return DreamboothValidationError(
            f"{place.uri} exists already and is not this rendering's. Nothing was overwritten. Choose another "
            f"output_path or file_name, or set overwrite=True. {then}"
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _as_json(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, indent=2, ensure_ascii=False, default=str) + "\n").encode()
