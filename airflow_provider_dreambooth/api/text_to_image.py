# SPDX-License-Identifier: Apache-2.0
"""The calls that render images with a trained model and fetch them when they are done (reference 3)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_dreambooth.api.answer import seconds_in, unreadable
from airflow_provider_dreambooth.api.call import ApiCall, Repeat
from airflow_provider_dreambooth.api.identifier import checked_identifier, identifier
from airflow_provider_dreambooth.api.inference_api import InferenceApi
from airflow_provider_dreambooth.api.link_text import service_link
from airflow_provider_dreambooth.api.results import Rendering
from airflow_provider_dreambooth.api.scalar import flag_in, is_absent
from airflow_provider_dreambooth.api.text_to_image_request import TextToImageRequest

_FETCH_PATH = re.compile(r"/api/(?:[\w.~-]+/)*fetch(?:/[\w.~-]+)?", re.ASCII)
#: Most links of one answer that are looked at: a rendering has four at the most.
_MOST_LINKS = 20


def text_to_image(request: TextToImageRequest, apis: Sequence[InferenceApi]) -> ApiCall[Rendering]:
    """
    Return the call that asks for images. It is billed by the account's plan.

    It is sent again only after a failure which proves that nothing was accepted. That the server has no such route is
    such a proof: the next form is used then.

    :param request: what to render, checked.
    :param apis: the forms to use, each one where the server has no route for those before it; at least one.
    """
    first, *others = apis
    return ApiCall(
        path=first.render_path,
        body=request.body(first),
        read=lambda document: read_rendering(document, first),
        about=f"rendering with model {', '.join(request.models)}",
        training_id=request.models[-1],
        repeat=Repeat.ONLY_IF_NOT_ACCEPTED,
        fallback=text_to_image(request, others) if others else None,
    )


def fetch(
    request_id: str | int, fetch_path: str | None = None, apis: Sequence[InferenceApi] = tuple(InferenceApi)
) -> ApiCall[Rendering]:
    """
    Return the call that asks for images which were not ready. Free.

    :param request_id: the id of the request.
    :param fetch_path: :attr:`Rendering.fetch_path`. A v4 answer points at the v3 path (quirk Q13), and the key only ever
        goes to the configured host. Where the server has no such route, the forms' own paths are asked.
    :param apis: the forms to use without a ``fetch_path``; by default v4, then v6.
    :raises DreamboothValidationError: ``request_id`` names nothing.
    """
    name = checked_identifier("request_id", request_id)
    if fetch_path is not None:
        first = InferenceApi.of_path(fetch_path)
        apis = (first, first.other)
    own = [(api.fetch_path, {"request_id": name}) for api in apis]
    places: list[tuple[str, dict[str, str]]] = own
    if fetch_path is not None and fetch_path not in {path for path, _ in own}:
        places = [(fetch_path, {}), *own]
    call: ApiCall[Rendering] | None = None
    for path, body in reversed(places):
        call = ApiCall(
            path=path,
            body=body,
            read=partial(read_fetched, request_id=name, fetch_path=path),
            about=f"rendering {name}",
            fallback=call,
        )
    assert call is not None
    return call


def read_rendering(document: Any, api: InferenceApi) -> Rendering:
    """
    Read the answer to a request for images.

    A success without images counts as processing: they are asked for again by the id. ``tip`` and ``proxy_links`` are
    not read: tips hold advertisements and addresses of developers' machines (observed).

    :param api: the form in which they were asked for.
    :raises DreamboothTransientError: it has neither images nor a way to ask for them again.
    """
    rendering = _rendering_in(document, api)
    if not rendering.ready and rendering.request_id is None:
        raise unreadable("a rendering", "an answer with neither images nor an id to fetch them by")
    return replace(rendering, fetch_path=rendering.fetch_path or api.fetch_path)


def read_fetched(document: Any, request_id: str, fetch_path: str) -> Rendering:
    """
    Read the answer to a fetch: as :func:`read_rendering`, but it need not name the request that was asked about.

    A repeated fetch answers ``{"status": "processing", "messege": "Request processing"}`` and nothing else (observed).

    :param document: the decoded, error-free JSON.
    :param request_id: the request that was asked about.
    :param fetch_path: the place that was asked.
    :raises DreamboothTransientError: it does not say whether the rendering is done.
    """
    rendering = _rendering_in(document, InferenceApi.of_path(fetch_path))
    word = document.get("status")
    if not isinstance(word, str) or word.strip().lower() not in ("success", "processing"):
        raise unreadable(f"rendering {request_id}", "an answer without a status")
    return replace(rendering, request_id=request_id, fetch_path=rendering.fetch_path or fetch_path)


def _rendering_in(document: Any, api: InferenceApi) -> Rendering:
    if not isinstance(document, Mapping):
        raise unreadable("a rendering", "JSON that is not an object")
    echoed = document.get("meta")
    meta: Mapping[str, Any] = echoed if isinstance(echoed, Mapping) else {}
    urls = _links(document.get("output"))
    verdict = document.get("status")
    ready = isinstance(verdict, str) and verdict.strip().lower() == "success" and bool(urls)
    return Rendering(
        ready=ready,
        inference_api=api,
        urls=urls if ready else (),
        request_id=identifier(document.get("id")) or identifier(document.get("request_id")),
        eta=seconds_in(document.get("eta")),
        fetch_path=_fetch_path(document.get("fetch_result")),
        seed=_number(meta.get("seed")),
        steps=_number(meta.get("steps")),
        blanked=_is_set(document.get("nsfw_content_detected")),
    )


def _links(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, list) else [value]
    return tuple(link for item in items[:_MOST_LINKS] if (link := service_link(item)) is not None)


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
    if isinstance(value, str):
        return not is_absent(value) and flag_in(value) is not False
    return bool(value)


def _number(value: Any) -> int | None:
    text = identifier(value)
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 40 else None
