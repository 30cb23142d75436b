"""The calls that render pictures with a trained model and fetch them when they are done (reference 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_dreambooth.api.answer import seconds_in, unreadable
from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.api.identifier import checked_identifier, identifier
from airflow_provider_dreambooth.api.refusal import (
    checked_extra_fields,
    is_absent,
    refuse,
    shown,
    whole_number,
)
from airflow_provider_dreambooth.api.results import Rendering

#: Documented limits: 1024 pixels a side (today's validation text: 256 to 1024, divisible by 8), 4 pictures.
LEAST_SIDE, MOST_SIDE, MOST_SAMPLES = 256, 1024, 4
#: The pages contradict each other (quirk Q8): 50 in v3, 51 in v4, 20 in v6. The widest is taken.
MOST_STEPS = 51

_OWN_ARGUMENTS = frozenset(
    {
        "model_id",
        "prompt",
        "negative_prompt",
        "width",
        "height",
        "samples",
        "num_inference_steps",
        "guidance_scale",
        "seed",
    }
)
_FETCH_PATH = re.compile(r"/api/(?:[\w.~-]+/)*fetch(?:/[\w.~-]+)?", re.ASCII)
#: Words by which a text says that a flag is not set.
_NO = frozenset({"", "0", "no", "false", "null", "none"})


def _within(name: str, value: Any, least: int, most: int) -> int:
    number = whole_number(name, value)
    if not least <= number <= most:
        raise refuse(name, f"is {shown(value)}", f"Write a whole number from {least} to {most}")
    return number


def _side(name: str, value: Any) -> int:
    pixels = _within(name, value, LEAST_SIDE, MOST_SIDE)
    if pixels % 8:
        raise refuse(name, f"is {shown(value)}", "Write a multiple of 8")
    return pixels


def _guidance(value: Any) -> float:
    number = None if isinstance(value, bool) else seconds_in(value)
    if number is None or not 1 <= number <= 20:
        raise refuse("guidance_scale", f"is {shown(value)}", "Write a number from 1 to 20")
    return number


@dataclass(frozen=True)
class TextToImageRequest:
    """
    What is to be rendered. Build it with :meth:`checked`.

    :param model_id: the training's id; for a LoRA the base model, with the training's id as ``lora_model`` in
        ``parameters``.
    :param prompt: what to show, with the training's instance prompt in it.
    :param negative_prompt: what not to show.
    :param width: pixels, 256 to 1024, a multiple of 8.
    :param height: the same.
    :param samples: number of pictures, 1 to 4.
    :param num_inference_steps: 1 to 51.
    :param guidance_scale: 1 to 20: how closely the picture follows the prompt.
    :param seed: ``None`` for a random one.
    :param parameters: further body fields; flags may be given as ``True`` and ``False``.
    """

    model_id: str
    prompt: str
    negative_prompt: str | None = None
    width: int = 512
    height: int = 512
    samples: int = 1
    num_inference_steps: int = 31
    guidance_scale: float = 7.5
    seed: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def checked(
        cls,
        *,
        model_id: Any,
        prompt: Any,
        negative_prompt: Any = None,
        width: Any = 512,
        height: Any = 512,
        samples: Any = 1,
        num_inference_steps: Any = 31,
        guidance_scale: Any = 7.5,
        seed: Any = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> TextToImageRequest:
        """
        Return a request that the service can take.

        :raises DreamboothValidationError: naming the argument and the mend.
        """
        if is_absent(prompt) or not isinstance(prompt, str):
            what = "is empty" if is_absent(prompt) else f"is {type(prompt).__name__}, not text"
            raise refuse("prompt", what, "Write what to render, with the instance prompt in it")
        if negative_prompt is not None and not isinstance(negative_prompt, str):
            raise refuse(
                "negative_prompt", f"is {type(negative_prompt).__name__}, not text", "Write text, or None"
            )
        return cls(
            model_id=checked_identifier("model_id", model_id),
            prompt=prompt.strip(),
            negative_prompt=negative_prompt or None,
            width=_side("width", width),
            height=_side("height", height),
            samples=_within("samples", samples, 1, MOST_SAMPLES),
            num_inference_steps=_within("num_inference_steps", num_inference_steps, 1, MOST_STEPS),
            guidance_scale=_guidance(guidance_scale),
            seed=None if is_absent(seed) else _within("seed", seed, 0, 2**63),
            parameters=checked_extra_fields(parameters, _OWN_ARGUMENTS),
        )

    def body(self) -> dict[str, Any]:
        """
        Return the JSON body without the key, in the form of v4 (quirk Q8).

        Counts go as strings, scale and seed as numbers, flags as "yes" and "no".
        """
        further = {
            name: ("yes" if value else "no") if isinstance(value, bool) else value
            for name, value in self.parameters.items()
        }
        return {
            "model_id": self.model_id,
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            "width": str(self.width),
            "height": str(self.height),
            "samples": str(self.samples),
            "num_inference_steps": str(self.num_inference_steps),
            "guidance_scale": self.guidance_scale,
            "seed": self.seed,
            "webhook": None,
            "track_id": None,
            **further,
        }


def text_to_image(request: TextToImageRequest) -> ApiCall[Rendering]:
    """
    Return the call that asks for pictures. They count against the account's plan.

    :param request: what to render, checked.
    """
    return ApiCall(
        path="/api/v4/dreambooth",
        body=request.body(),
        read=read_rendering,
        about=f"rendering with model {request.model_id}",
        training_id=request.model_id,
    )


def fetch(request_id: str | int, fetch_path: str | None = None) -> ApiCall[Rendering]:
    """
    Return the call that asks for pictures which were not ready. Free.

    :param request_id: the id of the request.
    :param fetch_path: the path out of the service's ``fetch_result``; without one the v4 form is used. A v4
        answer points at the v3 path (quirk Q13), and the key only ever goes to the configured host.
    """
    if fetch_path is not None:
        name = identifier(request_id)
        return ApiCall(
            path=fetch_path,
            body={},
            read=lambda document: read_fetched(document, name, fetch_path),
            about=f"rendering {request_id}",
        )
    name = checked_identifier("request_id", request_id)
    return ApiCall(
        path="/api/v4/dreambooth/fetch",
        body={"request_id": name},
        read=lambda document: read_fetched(document, name, None),
        about=f"rendering {name}",
    )


def _links(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value.strip() else ()
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, str) and item.strip())
    return ()


def _fetch_path(value: Any) -> str | None:
    """Return the path of ``fetch_result``. Its host is ignored: the key goes to the configured host alone."""
    if not isinstance(value, str):
        return None
    try:
        path = urlsplit(value.strip()).path
    except ValueError:
        return None
    return path if _FETCH_PATH.fullmatch(path) and ".." not in path else None


def _is_set(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(isinstance(item, (bool, int, float, str)) and _is_set(item) for item in value)
    return value.strip().lower() not in _NO if isinstance(value, str) else bool(value)


def _seed(value: Any) -> int | None:
    text = identifier(value)
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 40 else None


def read_rendering(document: Any) -> Rendering:
    """
    Read a success or processing answer of any version.

    A success without pictures counts as processing: they are asked for again by the id.

    ``tip`` and ``proxy_links`` are not read: tips hold advertisements and addresses of developers' machines (observed).

    :param document: the decoded, error-free JSON.
    :raises DreamboothTransientError: it has neither images nor a way to ask for them again.
    """
    rendering = _rendering_in(document)
    if not rendering.ready and rendering.request_id is None and rendering.fetch_path is None:
        raise unreadable("a rendering", "an answer with neither images nor an id to fetch them by")
    return rendering


def read_fetched(document: Any, request_id: str | None, fetch_path: str | None) -> Rendering:
    """
    Read the answer to a fetch: as :func:`read_rendering`, but it need not name the request that was asked about.

    A repeated fetch answers ``{"status": "processing", "messege": "Request processing"}`` and nothing else (observed).

    :param document: the decoded, error-free JSON.
    :param request_id: the request that was asked about.
    :param fetch_path: the place that was asked.
    :raises DreamboothTransientError: it does not say whether the rendering is done.
    """
    rendering = _rendering_in(document)
    word = document.get("status")
    if not isinstance(word, str) or word.strip().lower() not in ("success", "processing"):
        raise unreadable(f"rendering {request_id}", "an answer without a status")
    return replace(
        rendering,
        request_id=rendering.request_id or request_id,
        fetch_path=rendering.fetch_path or fetch_path,
    )


def _rendering_in(document: Any) -> Rendering:
    if not isinstance(document, Mapping):
        raise unreadable("a rendering", "JSON that is not an object")
    echoed = document.get("meta")
    meta: dict[str, Any] = dict(echoed) if isinstance(echoed, Mapping) else {}
    urls = _links(document.get("output"))
    verdict = document.get("status")
    ready = isinstance(verdict, str) and verdict.strip().lower() == "success" and bool(urls)
    request_id = identifier(document.get("id")) or identifier(document.get("request_id"))
    fetch_path = _fetch_path(document.get("fetch_result"))
    return Rendering(
        ready=ready,
        urls=urls if ready else (),
        request_id=request_id,
        eta=seconds_in(document.get("eta")),
        fetch_path=fetch_path,
        future_urls=_links(document.get("future_links")),
        seed=_seed(meta.get("seed")),
        blanked=_is_set(document.get("nsfw_content_detected")),
        meta=meta,
    )
