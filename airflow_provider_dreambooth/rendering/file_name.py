# SPDX-License-Identifier: Apache-2.0
"""
How a saved image is called.

The default holds the service's id of the request: a retry of the same rendering finds its own files, and no other
rendering ever meets them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from string import Formatter
from typing import Any

from airflow_provider_dreambooth.api.refusal import refuse, shown

DEFAULT = "{model_id}-{seed}-{request_id}-{index}"
FIELDS = ("model_id", "seed", "request_id", "index", "prompt")
#: Fields that are known only when the service has answered, and the longest values that were seen or documented.
_LATE = {"seed": "9" * 20, "request_id": "9" * 36}
_ENDINGS = re.compile(r"\.(png|jpe?g|webp|gif|json)\Z", re.IGNORECASE)
_LONGEST_PART = 80
#: What is written around a name while a file is not whole: ``.name.json.part``.
_AROUND = len("..json.part")


class FileName:
    """
    A checked template of names.

    :param template: such as ``{prompt}-{index:02}``; ``None`` for the default. The ending follows from the image.
    :param samples: images of one request; more than one need an ``{index}``.
    :raises DreamboothValidationError: it cannot be used.
    """

    def __init__(self, template: Any, *, samples: int) -> None:
        if template is not None and (not isinstance(template, str) or not template.strip()):
            raise _refusal(template, "is no name")
        self._template = _ENDINGS.sub("", (template or DEFAULT).strip())
        self._samples = samples
        if not self._template.isprintable():
            raise _refusal(template, "holds characters that no name can have")
        try:
            parsed = [item for item in Formatter().parse(self._template) if item[1] is not None]
            used = [str(field) for _, field, _, _ in parsed]
            unknown = [field for field in used if field not in FIELDS]
            if any(re.search(r"[0-9]{3}|[{]", spec or "") for _, _, spec, _ in parsed):
                raise ValueError("a format asks for more than 99 characters, or for another field")
            if not unknown:
                self._checked_path(self._fill(dict.fromkeys(FIELDS, "x") | {"index": 1}))
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise _refusal(template, f"cannot be filled in ({error})") from None
        if unknown:
            raise _refusal(template, f"names the unknown field {{{unknown[0]}}}")
        if samples > 1 and "index" not in used:
            raise _refusal(
                template, f"has no {{index}}, which tells the {samples} images of one request apart"
            )
        self._used = frozenset(used)

    @property
    def is_known_before(self) -> bool:
        """Whether the name is certain before the service has answered."""
        return not self._used & _LATE.keys()

    def of(
        self, *, index: int, model_id: str, prompt: str, seed: int | str | None = None, request_id: str = ""
    ) -> str:
        """
        Return the name of an image without its ending; it may lead into a folder.

        :param index: from 1.
        """
        return self._checked_path(
            self._fill(
                {
                    "index": index,
                    "model_id": _part(model_id),
                    "prompt": _part(prompt.lower()),
                    "seed": "random" if seed is None else _part(str(seed)),
                    "request_id": _part(request_id),
                }
            )
        )

    def refuse_too_long(self, longest: int, **values: Any) -> None:
        """
        Refuse names that the storage cannot hold, as long as they can get.

        :param longest: most bytes of one part of a path.
        :param values: model id, prompt and, where it is given, the seed.
        :raises DreamboothValidationError: a part is longer.
        """
        late = {name: text for name, text in _LATE.items() if values.get(name) is None}
        name = self.of(**{**values, **late, "index": self._samples})
        size = max(len(part.encode()) for part in name.split("/")) + _AROUND
        if size > longest:
            raise _refusal(
                self._template, f"leads to names of up to {size} bytes, of which the folder takes {longest}"
            )

    def _fill(self, values: Mapping[str, Any]) -> str:
        return Formatter().vformat(self._template, (), values)

    @staticmethod
    def _checked_path(path: str) -> str:
        parts = path.split("/")
        if any(part in ("", ".", "..") for part in parts):
            raise ValueError("it leads out of output_path")
        return path


def _part(text: str) -> str:
    """Return a text in letters that every storage takes in a name."""
    return re.sub(r"[^\w.]+", "-", text, flags=re.ASCII).strip("-.")[:_LONGEST_PART].rstrip("-.") or "x"


def _refusal(template: Any, what: str) -> Exception:
    fields = ", ".join(f"{{{field}}}" for field in FIELDS)
    return refuse("file_name", f"is {shown(template)} and {what}", f"It may hold {fields}")
