"""The calls that render pictures with a trained model and fetch them when they are done (reference 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_dreambooth.api.answer import seconds_in, unreadable
from airflow_provider_dreambooth.api.call import ApiCall
from airflow_provider_dreambooth.api.results import Rendering
from airflow_provider_dreambooth.api.training_calls import identifier
from airflow_provider_dreambooth.exceptions import DreamboothValidationError

#: Documented limits: 1024 pixels a side (today's validation text: 256 to 1024, divisible by 8), 4 pictures.
LEAST_SIDE, MOST_SIDE, MOST_SAMPLES = 256, 1024, 4


def _refuse(name: str, what: str, mend: str) -> DreamboothValidationError:
    return DreamboothValidationError(f"{name} {what}. {mend}. Nothing was sent to the service.")


def _number(name: str, value: Any, least: float, most: float, *, whole: bool = True) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError
        number = float(value)
    except (TypeError, ValueError):
        raise _refuse(name, f"is {value!r}, not a number", f"Write a number from {least:g} to {most:g}") from None
    if not least <= number <= most or (whole and number != int(number)):
        raise _refuse(name, f"is {value!r}", f"Write a {'whole ' if whole else ''}number from {least:g} to {most:g}")
    return number


@dataclass(frozen=True)
class TextToImageRequest:
    """
    What is to be rendered. Build it with :meth:`checked`.

    :param model_id: the training's id; for a LoRA the base model, with the id as ``lora_model`` in ``parameters``.
    :param parameters: further body fields, sent as they are.
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
        name = identifier(model_id)
        if name is None or name.lower() == "none":
            raise _refuse("model_id", "is empty", "Pass the training's id, such as model_id=wait.output")
        if not isinstance(prompt, str) or not prompt.strip():
            raise _refuse("prompt", "is empty", "Write what to render, with the instance prompt in it")
        for side, value in (("width", width), ("height", height)):
            if int(_number(side, value, LEAST_SIDE, MOST_SIDE)) % 8:
                raise _refuse(side, f"is {value!r}", "Write a multiple of 8")
        extra = dict(parameters or {})
        taken = sorted({"key", "model_id", "prompt", "samples", "width", "height"} & set(extra))
        if taken:
            raise _refuse(f"parameters[{taken[0]!r}]", "is not a further field", "Use the argument or the connection")
        random_seed = seed is None or (isinstance(seed, str) and seed.strip().lower() in ("", "null", "none"))
        return cls(
            model_id=name,
            prompt=prompt.strip(),
            negative_prompt=negative_prompt or None,
            width=int(_number("width", width, LEAST_SIDE, MOST_SIDE)),
            height=int(_number("height", height, LEAST_SIDE, MOST_SIDE)),
            samples=int(_number("samples", samples, 1, MOST_SAMPLES)),
            num_inference_steps=int(_number("num_inference_steps", num_inference_steps, 1, 51)),
            guidance_scale=_number("guidance_scale", guidance_scale, 1, 20, whole=False),
            seed=None if random_seed else int(_number("seed", seed, 0, 2**63)),
            parameters=extra,
        )

    def body(self) -> dict[str, Any]:
        """Return the JSON body without the key: counts as strings, scale as number, seed as number or null."""
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
            **self.parameters,
        }


def text_to_image(request: TextToImageRequest) -> ApiCall[Rendering]:
    """Return the call that asks for pictures."""
    return ApiCall(
        path="/api/v4/dreambooth",
        body=request.body(),
        read=read_rendering,
        about=f"rendering with model {request.model_id}",
        training_id=request.model_id,
    )


def fetch(request_id: str, fetch_path: str | None = None) -> ApiCall[Rendering]:
    """
    Return the call that asks for pictures which were not ready.

    :param request_id: the id of the request.
    :param fetch_path: the path out of the service's ``fetch_result``; without one the v4 form is used. A v4
        answer points at the v3 path (quirk Q13), and the key only ever goes to the configured host.
    """
    if fetch_path is not None:
        path, body = fetch_path, {}
    else:
        path, body = "/api/v4/dreambooth/fetch", {"request_id": request_id}
    return ApiCall(path=path, body=body, read=read_rendering, about=f"rendering {request_id}")


def _links(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value.strip() else ()
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, str) and item.strip())
    return ()


def _fetch_path(value: Any) -> str | None:
    """Return the path of ``fetch_result``. Its host is not asked: the key goes to the configured host alone."""
    if not isinstance(value, str):
        return None
    try:
        path = urlsplit(value.strip()).path
    except ValueError:
        return None
    return path if path.startswith("/api/") and ".." not in path else None


def _blanked(document: Mapping[str, Any]) -> bool:
    verdict = document.get("nsfw_content_detected")
    return any(bool(item) for item in verdict) if isinstance(verdict, list) else bool(verdict)


def read_rendering(document: Any) -> Rendering:
    """Read a success or processing answer of any version."""
    if not isinstance(document, Mapping):
        raise unreadable("a rendering", "JSON that is not an object")
    meta = document.get("meta") if isinstance(document.get("meta"), Mapping) else {}
    urls = _links(document.get("output"))
    ready = document.get("status") == "success" and bool(urls)
    request_id = identifier(document.get("id")) or identifier(document.get("request_id"))
    if not ready and request_id is None and not document.get("fetch_result"):
        raise unreadable("a rendering", "an answer with neither pictures nor an id to fetch them by")
    seed = meta.get("seed") if meta else None
    return Rendering(
        ready=ready,
        urls=urls if ready else (),
        request_id=request_id,
        eta=seconds_in(document.get("eta")),
        fetch_path=_fetch_path(document.get("fetch_result")),
        future_urls=_links(document.get("future_links")),
        seed=int(seed) if isinstance(seed, (int, str)) and not isinstance(seed, bool) and str(seed).isdigit() else None,
        blanked=_blanked(document),
        meta=dict(meta or {}),
    )
