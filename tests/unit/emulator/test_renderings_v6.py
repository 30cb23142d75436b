# SPDX-License-Identifier: Apache-2.0
"""Today's form of rendering, fetch and reload."""

from __future__ import annotations

from typing import Any

import pytest

RENDER = "v6/images/text2img"
FETCH = "v6/images/fetch"


def test_a_v6_answer_says_what_was_rendered_and_uses_its_own_names(emulate: Any) -> None:
    emulated = emulate()
    model_id = emulated.trained()
    answer = emulated.answer(RENDER, model_id=model_id, prompt="x", num_inference_steps="31", samples="2")
    assert answer["status"] == "success"
    assert len(answer["output"]) == len(answer["proxy_links"]) == 2
    assert (answer["nsfw_content_detected"], answer["webhook_status"]) == (False, "")
    meta = answer["meta"]
    assert (meta["steps"], meta["lora"], meta["lora_strength"]) == (20, None, 1)
    assert meta["safety_checker"] == "no"
    assert "safetychecker" not in meta
    assert meta["file_prefix"].endswith(".png")
    assert emulated.http.get(answer["output"][0]).status_code == 200


def test_v4_renders_as_many_steps_as_asked_and_says_safetychecker(emulate: Any) -> None:
    answer = emulate().answer("v4/dreambooth", model_id="sdxl", prompt="x", num_inference_steps="31")
    assert answer["meta"]["steps"] == 31
    assert answer["meta"]["safetychecker"] == "no"
    assert "proxy_links" not in answer


def test_a_v6_rendering_is_processing_until_its_time_has_come(emulate: Any) -> None:
    emulated = emulate(render=9.5)
    first = emulated.answer(RENDER, model_id="sdxl", prompt="x")
    number = first["id"]
    assert (first["status"], first["eta"], first["output"]) == ("processing", 10, [])
    assert first["message"] == "Try to fetch request after seconds estimated"
    assert "messege" not in first
    assert first["fetch_result"] == f"http://testserver/api/v6/images/fetch/{number}"
    assert len(first["future_links"]) == 1
    early = emulated.answer(FETCH, request_id=number)
    assert (early["status"], early["message"]) == ("processing", "Request processing")
    emulated.clock.advance(10)
    by_body, by_path = emulated.answer(FETCH, request_id=str(number)), emulated.answer(f"{FETCH}/{number}")
    assert by_body == by_path
    assert (by_body["status"], by_body["output"]) == ("success", first["future_links"])
    assert by_body["proxy_links"] is None
    assert "meta" not in by_body


def test_an_unknown_v6_request_is_failed_and_not_found(emulate: Any) -> None:
    answer = emulate().post(FETCH, request_id="1")
    assert answer.status_code == 404
    body = answer.json()
    assert (body["status"], body["message"], body["id"]) == ("failed", "Request not found", "")
    assert emulate(http_codes="2023").post(FETCH, request_id="1").status_code == 200


@pytest.mark.parametrize(
    ("inference", "served", "missing"),
    [
        (
            "v4",
            ("v3/dreambooth", "v4/dreambooth", "v4/dreambooth/fetch", "v4/dreambooth/model_reload"),
            (RENDER, FETCH, f"{FETCH}/1", "v6/images/model_reload"),
        ),
        (
            "v6",
            (RENDER, FETCH, f"{FETCH}/1", "v6/images/model_reload"),
            ("v3/dreambooth", "v4/dreambooth", "v4/dreambooth/fetch", "v4/dreambooth/model_reload"),
        ),
    ],
)
def test_one_generation_of_inference_can_be_switched_off(
    emulate: Any, inference: str, served: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    emulated = emulate(inference=inference, http_codes="2023")
    assert {emulated.post(path).status_code for path in served} == {200}
    answers = [emulated.post(path) for path in missing]
    assert {answer.status_code for answer in answers} == {404}
    assert all("route" in answer.json()["message"] for answer in answers)
    assert isinstance(emulated.answer("v4/dreambooth/model_list"), list)


@pytest.mark.parametrize("path", ["v4/dreambooth", RENDER])
def test_a_lora_is_rendered_on_a_base_model_of_its_family(emulate: Any, path: str) -> None:
    emulated = emulate()
    xl = emulated.trained("v3/lora_fine_tune")
    old = emulated.trained("v3/lora_fine_tune", base_model_type="normal")
    for base, lora in (("sdxl", xl), ("stable-diffusion-v1-5", old)):
        answer = emulated.answer(path, model_id=base, prompt="x", lora_model=lora, lora_strength="0.7")
        assert (answer["meta"]["lora"], answer["meta"]["lora_strength"]) == (lora, "0.7")
    assert emulated.http.get("/emulator/renders").json()[0]["training_id"] == xl
    for base, lora in (("sdxl", old), ("stable-diffusion-v1-5", xl), ("flux", xl), ("flux", old)):
        refused = emulated.post(path, model_id=base, prompt="x", lora_model=lora)
        assert refused.status_code == 400
        assert lora in refused.json()["message"]


def test_a_lora_can_be_rendered_on_any_base_model_when_asked(emulate: Any) -> None:
    emulated = emulate(any_lora=True)
    lora = emulated.trained("v3/lora_fine_tune")
    assert emulated.answer(RENDER, model_id="flux", prompt="x", lora_model=lora)["status"] == "success"


def test_several_loras_with_a_strength_each_are_taken(emulate: Any) -> None:
    emulated = emulate()
    loras = ",".join(emulated.trained("v3/lora_fine_tune") for _ in range(2))
    body = {"model_id": "sdxl", "prompt": "x", "lora_model": loras}
    assert emulated.answer(RENDER, **body, lora_strength="0.7,0.4")["status"] == "success"
    for strength in ("strong", "0.7,5", -1):
        refused = emulated.post(RENDER, **body, lora_strength=strength)
        assert refused.status_code == 400
        assert "lora_strength" in refused.json()["message"]
