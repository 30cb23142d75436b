# SPDX-License-Identifier: Apache-2.0
"""
Saving a set of images, each with a JSON file beside it that says how it was made.

What can be known to fail is refused before anything is billed. The JSON is written last: where it stands, the image is
whole. Each name is remembered before the first byte is written, so that a later try knows its own files from others.
"""

from __future__ import annotations

import errno
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api.refusal import refuse
from airflow_provider_dreambooth.api.scalar import is_absent
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.rendering.file_name import FileName
from airflow_provider_dreambooth.rendering.image_check import BrokenImageError, ending_of
from airflow_provider_dreambooth.storage.place import Place
from airflow_provider_dreambooth.storage.whole_file import write_whole

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest
    from airflow_provider_dreambooth.rendering.record import RenderingRecord
    from airflow_provider_dreambooth.rendering.task_rendering import TaskRendering

_ENDINGS_TO_LOOK_FOR = (".json", ".png", ".jpg")
#: Bytes of one name where the file system does not say.
_LONGEST_NAME = 255
#: Seconds between downloads of a link that answers with something else than a whole image.
_PAUSES = (2.0, 5.0, 10.0)
#: Errors of a file system that stay as they are until somebody changes the folder or the name.
_PERMANENT = frozenset(
    {
        errno.EACCES,
        errno.EINVAL,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)


class ImageFolder:
    """
    Where the images of one task go.

    :param output_path: a folder on the worker or an object storage URI.
    :param file_name: how they are called.
    :param overwrite: whether a file may be replaced that is not this rendering's.
    :param log: Airflow's task log.
    :param sleep: waits that many seconds.
    :raises DreamboothValidationError: the folder cannot be written to, or the bucket does not exist.
    :raises DreamboothTransientError: the storage does not answer.
    """

    def __init__(
        self,
        output_path: Any,
        file_name: FileName,
        *,
        overwrite: bool,
        log: Any,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        text = str(output_path)
        if is_absent(text):
            raise refuse("output_path", "is empty", "Write a folder or a storage URI, or leave it out")
        self._folder = Place.of(text.strip())
        self._file_name = file_name
        self._overwrite = overwrite
        self._log = log
        self._sleep = sleep
        if self._folder.is_local:
            self._try_local(Path(self._folder.path))
        else:
            self._try_storage()

    def _unusable(self, reason: str) -> DreamboothValidationError:
        return refuse(
            "output_path", f"is {self._folder.uri!r}, which cannot be used: {reason}", "Name another folder"
        )

    def _try_local(self, folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # A file without a name, where the system has such: it shows that this worker may write, and leaves nothing.
            with tempfile.TemporaryFile(dir=folder):
                pass
        except (OSError, ValueError) as error:
            raise self._unusable(getattr(error, "strerror", None) or str(error)) from None

    def _try_storage(self) -> None:
        try:
            missing = self._folder.missing_bucket()
        except PermissionError:
            # Who may write need not be allowed to ask for the bucket.
            return
        except Exception as error:
            # Every storage has exceptions of its own.
            raise DreamboothTransientError(
                f"The storage of output_path {self._folder.uri!r} does not answer ({_reason(error)}). Nothing was rendered "
                "and nothing was paid. Check its Airflow connection; a retry asks again."
            ) from error
        if missing is not None:
            raise self._unusable(f"there is no bucket {missing!r}, or its Airflow connection does not see it")

    def refuse_names(self, known: RenderingRecord | None, *, samples: int, **values: Any) -> None:
        """
        Refuse names that cannot exist or are taken, as far as they are certain before anything is rendered.

        :param known: the rendering of an earlier try, whose own files are no obstacle.
        :param samples: how many images there will be.
        :param values: model id, prompt, and the seed where it is given.
        """
        self._file_name.refuse_too_long(self._longest_name(), **values)
        if not self._file_name.is_known_before:
            return
        for index in range(1, samples + 1):
            stem = self._folder / self._file_name.of(index=index, **values)
            if self._folder.is_local:
                try:
                    Path(stem.path).parent.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise self._unusable(f"{stem.uri!r}: {error.strerror or error}") from None
            if self._overwrite or known is not None:
                continue
            for ending in _ENDINGS_TO_LOOK_FOR:
                place = self._folder / (self._file_name.of(index=index, **values) + ending)
                if place.kind() is not None:
                    raise self._taken(place, "Nothing was rendered.")

    def _longest_name(self) -> int:
        if not self._folder.is_local:
            return _LONGEST_NAME
        try:
            return os.pathconf(self._folder.path, "PC_NAME_MAX")
        except (OSError, ValueError):
            return _LONGEST_NAME

    def save(self, rendering: TaskRendering, *, download: Callable[[str], bytes]) -> list[str]:
        """
        Save the images that are not saved yet, and return where all of them are.

        :param rendering: the rendering; its links are known.
        :param download: fetches one link, waiting for it to come alive.
        :raises DreamboothError: a link brought no image, a name is taken, or the storage refused. A retry goes on.
        """
        saved: list[str] = []
        kept = 0
        record = rendering.record
        assert record is not None
        for index, url in enumerate(record.urls, 1):
            stem = self._file_name.of(
                index=index,
                model_id=rendering.request.model_id,
                prompt=rendering.request.prompt,
                seed=record.seed,
                request_id=record.request_id or "",
            )
            claimed = record.files.get(str(index))
            if claimed is not None and self._is_whole(claimed, stem, record.request_id):
                saved.append(claimed)
                kept += 1
                continue
            content, ending = self._fetched(url, rendering, download)
            image = self._folder / (stem + ending)
            facts = {
                **_how_it_was_made(rendering.request, record),
                "request_id": record.request_id,
                "image": index,
                "images": len(record.urls),
                "file": image.name,
                "source": url,
                "blanked": record.blanked,
                "saved_at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            self._write(rendering, index, image, self._folder / f"{stem}.json", content, facts, claimed)
            saved.append(image.uri)
            self._log.info("Saved %s", image.uri)
        if kept:
            self._log.info("%d of %d images were saved by an earlier try.", kept, len(saved))
        return saved

    def _is_whole(self, uri: str, stem: str, request_id: str | None) -> bool:
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
            and note.get("request_id") == request_id
            and Place.of(uri).name == note.get("file")
        )

    def _fetched(
        self, url: str, rendering: TaskRendering, download: Callable[[str], bytes]
    ) -> tuple[bytes, str]:
        for pause in (*_PAUSES, None):
            try:
                content = download(url)
                return content, ending_of(content)
            except BrokenImageError as broken:
                what = str(broken)
            except DreamboothError as error:
                if error.http_status in (403, 404, 410):
                    again = rendering.missed()
                    error.add(
                        "The next try renders again, which is billed."
                        if again
                        else "The next try asks for the same image again."
                    )
                raise
            if pause is not None:
                self._sleep(pause)
        assert rendering.record is not None
        raise DreamboothTransientError(
            f"The link of an image of request {rendering.record.request_id} answers with {what}, each of {1 + len(_PAUSES)} "
            "times. Nothing of it was saved. The rendering is paid: a retry, or a clear within 20 hours, fetches the same "
            "images."
        )

    def _write(
        self,
        rendering: TaskRendering,
        index: int,
        image: Place,
        beside: Place,
        content: bytes,
        facts: Mapping[str, Any],
        claimed: str | None,
    ) -> None:
        own = claimed == image.uri
        overwrite = self._overwrite or own
        place = image
        try:
            if not overwrite:
                for place in (image, beside):
                    if place.kind() is not None:
                        raise FileExistsError
                rendering.claim(index, image.uri)
            for place, whole in ((image, content), (beside, _as_json(facts))):
                write_whole(place, whole, overwrite=overwrite)
            if self._overwrite:
                rendering.claim(index, image.uri)
        except FileExistsError:
            if not own:
                rendering.claim(index, None)
            raise self._taken(
                place,
                "The images are rendered and paid: clear the task within 20 hours and the same ones are saved.",
            ) from None
        except Exception as error:
            # Every storage has exceptions of its own.
            what = f"{place.uri} could not be written ({_reason(error)}). Request {facts['request_id']} is rendered and paid: "
            if isinstance(error, OSError) and (
                error.errno in _PERMANENT or isinstance(error, (FileNotFoundError, PermissionError))
            ):
                raise DreamboothValidationError(
                    f"{what}correct the folder, then clear the task within 20 hours: the same images are saved and nothing "
                    "is paid again."
                ) from error
            raise DreamboothTransientError(
                f"{what}a retry saves the same images and pays for no others."
            ) from error

    def _taken(self, place: Place, then: str) -> DreamboothValidationError:
        return DreamboothValidationError(
            f"{place.uri} exists already and is not this rendering's. Nothing was overwritten. Choose another "
            f"output_path or file_name, or set overwrite=True. {then}"
        )


def _how_it_was_made(request: TextToImageRequest, record: RenderingRecord) -> dict[str, Any]:
    return {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "seed": record.seed,
        "model_id": request.model_id,
        "lora_model": list(request.lora_models),
        "lora_strength": list(request.lora_strengths),
        "inference_api": str(record.inference_api),
        "parameters": {
            "width": request.width,
            "height": request.height,
            "num_inference_steps": record.steps or request.num_inference_steps,
            "guidance_scale": request.guidance_scale,
            **request.parameters,
        },
    }


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}".rstrip(": ")


def _as_json(facts: Mapping[str, Any]) -> bytes:
    return (json.dumps(facts, indent=2, ensure_ascii=False, default=str) + "\n").encode()
