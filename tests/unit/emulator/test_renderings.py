# SPDX-License-Identifier: Apache-2.0
"""Rendering with a trained model, fetching, reloading, uploading."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("version", ["v3", "v4"])
def test_a_ready_model_renders_at_once_when_rendering_takes_no_time(emulate: Any, version: str) -> None:
    emulated = emulate()
    model_id = emulated.trained()
    answer = emulated.answer(
        f"{version}/dreambooth",
        model_id=model_id,
        prompt="zwx fox",
        width="768",
        height="512",
        samples="2",
        seed=7,
    )
    assert answer["status"] == "success"
    assert isinstance(answer["id"], int)
    assert len(answer["output"]) == 2
    meta = answer["meta"]
    assert (meta["W"], meta["H"], meta["n_samples"], meta["seed"], meta["model_id"]) == (
        768,
        512,
        2,
        7,
        model_id,
    )
    assert "key" not in meta
    image = emulated.http.get(answer["output"][0])
    assert image.headers["content-type"] == "image/png"
    assert opened(image.content).size == (768, 512)


def test_a_render_is_processing_until_its_time_has_come(emulate: Any) -> None:
    emulated = emulate(render=20.0)
    model_id = emulated.trained()
    first = emulated.answer("v4/dreambooth", model_id=model_id, prompt="zwx fox")
    assert first["status"] == "processing"
    assert first["eta"] == 20
    assert first["output"] == []
    assert first["fetch_result"] == f"http://testserver/api/v3/dreambooth/fetch/{first['id']}"
    link = first["future_links"][0]
    assert emulated.http.get(link).status_code == 404
    emulated.clock.advance(5)
    again = emulated.answer("v4/dreambooth/fetch", request_id=first["id"])
    assert (again["status"], again["eta"]) == ("processing", 15)
    emulated.clock.advance(15)
    done = {"status": "success", "id": first["id"], "output": [link]}
    assert emulated.answer("v4/dreambooth/fetch", request_id=str(first["id"])) == done
    assert emulated.http.post(first["fetch_result"], json={"key": "other"}).status_code == 404
    assert emulated.answer(f"v3/dreambooth/fetch/{first['id']}") == done
    assert emulated.http.get(link).status_code == 200


def test_the_same_seed_gives_the_same_image_and_another_model_another_one(emulate: Any) -> None:
    emulated = emulate()
    robots = [f"http://testserver/samples/robot/{number}.png" for number in range(1, 6)]
    fox, robot = emulated.trained(), emulated.trained(images=robots)

    def render(model_id: str, seed: int) -> bytes:
        answer = emulated.answer("v4/dreambooth", model_id=model_id, prompt="same words", seed=seed)
        return bytes(emulated.http.get(answer["output"][0]).content)

    assert render(fox, 1) == render(fox, 1)
    assert render(fox, 1) != render(fox, 2)
    assert render(fox, 1) != render(robot, 1)


@pytest.mark.parametrize(
    ("field", "value"),
    [("prompt", None), ("samples", "5"), ("height", "513"), ("width", 2048), ("num_inference_steps", "99")],
)
def test_a_bad_render_is_refused(emulate: Any, field: str, value: Any) -> None:
    emulated = emulate()
    answer = emulated.post("v4/dreambooth", **{"model_id": "sdxl", "prompt": "x", field: value})
    assert answer.status_code == 400
    assert field in answer.json()["message"]


def test_unknown_foreign_and_unfinished_models_are_not_found(emulate: Any) -> None:
    emulated = emulate()
    unfinished = emulated.create().json()["training_id"]
    answer = emulated.post("v4/dreambooth", model_id=unfinished, prompt="x")
    assert (answer.status_code, answer.json()["message"]) == (404, f"Model not found: {unfinished}")
    emulated.clock.advance(2100)
    assert emulated.post("v4/dreambooth", model_id=unfinished, prompt="x").status_code == 200
    assert emulated.post("v4/dreambooth", key="other", model_id=unfinished, prompt="x").status_code == 404
    old = emulate(http_codes="2023").post("v4/dreambooth", model_id="nothing", prompt="x")
    assert (old.status_code, old.json()) == (200, {"status": "error", "messege": "Model not found"})


def test_a_lora_renders_through_a_base_model(emulate: Any) -> None:
    emulated = emulate()
    lora = emulated.trained("v3/lora_fine_tune")
    emulated.answer("v4/dreambooth", model_id="sdxl", lora_model=lora, prompt="zwx fox")
    assert emulated.http.get("/emulator/renders").json()[0]["training_id"] == lora
    assert emulated.post("v4/dreambooth", model_id="sdxl", lora_model="none", prompt="x").status_code == 404


def test_a_sandbox_model_can_be_rendered(emulate: Any) -> None:
    emulated = emulate()
    model_id = emulated.trained("sandbox/v3/fine_tune")
    assert emulated.answer("v4/dreambooth", model_id=model_id, prompt="x")["status"] == "success"


@pytest.mark.parametrize("path", ["v4/dreambooth/model_reload", "v6/images/model_reload"])
def test_an_idle_model_is_unloaded_and_reloading_brings_it_back(emulate: Any, path: str) -> None:
    emulated = emulate()
    model_id = emulated.trained()
    emulated.clock.advance(604801)
    assert emulated.post("v4/dreambooth", model_id=model_id, prompt="x").status_code == 404
    assert emulated.answer(path, model_id=model_id)["status"] == "processing"
    assert emulated.post("v4/dreambooth", model_id=model_id, prompt="x").status_code == 404
    emulated.clock.advance(140)
    assert emulated.answer(path, model_id=model_id)["status"] == "success"
    assert emulated.post("v4/dreambooth", model_id=model_id, prompt="x").status_code == 200
    assert emulated.post(path, model_id="unknown").status_code == 404


def test_a_render_can_fail_at_once_or_when_fetched(emulate: Any) -> None:
    failed = {"status": "failed", "id": "", "message": "Failed, Try Again", "output": ""}
    emulated = emulate(render=1.0)
    model_id = emulated.trained()
    assert emulated.answer("v4/dreambooth", model_id=model_id, prompt="[fail]") == failed
    first = emulated.answer("v4/dreambooth", model_id=model_id, prompt="x", emulator={"fail_at": "fetch"})
    assert first["status"] == "processing"
    emulated.clock.advance(1)
    assert emulated.answer(f"v3/dreambooth/fetch/{first['id']}") == failed


def test_a_blanked_image_is_black_and_says_so(emulate: Any) -> None:
    emulated = emulate(nsfw=True)
    answer = emulated.answer("v4/dreambooth", model_id="sdxl", prompt="x")
    assert answer["nsfw_content_detected"] is True
    extrema = opened(emulated.http.get(answer["output"][0]).content).convert("L").getextrema()
    assert extrema == (0, 0)


def test_links_can_be_missing_at_first(emulate: Any) -> None:
    emulated = emulate(late_links=2)
    link = emulated.answer("v4/dreambooth", model_id="sdxl", prompt="x")["output"][0]
    assert emulated.http.get(link + "?peek").status_code == 200
    assert [emulated.http.get(link).status_code for _ in range(3)] == [404, 404, 200]


def upload(emulated: Any, size: tuple[int, int], **fields: Any) -> Any:
    buffer = io.BytesIO()
    Image.new("RGB", size, "red").save(buffer, "PNG")
    image = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    return emulated.answer("v3/base64_crop", image=image, **fields)


def test_an_upload_is_cropped_and_can_be_trained_on(emulate: Any) -> None:
    emulated = emulate()
    answer = upload(emulated, (900, 600), crop="true")
    assert set(answer) == {"status", "messege", "link", "request_id"}
    assert (answer["messege"], answer["request_id"]) == ("image uploaded", 2398)
    assert opened(emulated.http.get(answer["link"]).content).size == (512, 512)
    whole = upload(emulated, (900, 600), crop="false")
    assert opened(emulated.http.get(whole["link"]).content).size == (900, 600)
    training_id = emulated.trained(images=[answer["link"]] * 2 + [whole["link"]])
    assert emulated.stage(training_id) == "model_ready"


def test_what_is_no_image_or_too_large_is_refused(emulate: Any) -> None:
    emulated = emulate()
    for image in ("data:image/png;base64,AAAA", "not base64!", "A" * (7 * 1024 * 1024), None):
        assert "image" in emulated.answer("v3/base64_crop", image=image)["message"]
    assert emulated.service.uploads == {}


def test_the_public_list_is_a_bare_array(emulate: Any) -> None:
    models = emulate().answer("v4/dreambooth/model_list")
    assert isinstance(models, list)
    assert set(models[0]) == {
        "model_id", "status", "created_at", "instance_prompt", "api_calls", "model_category", "model_name", "is_nsfw",
        "featured", "description", "screenshots", "model_subcategory", "model_format", "feature",
    }  # fmt: skip
    assert models[0]["model_id"] == "portraitplus-diffusion"


def test_samples_are_listed_served_and_the_same_every_time(emulate: Any) -> None:
    first, second = emulate(), emulate()
    samples = first.http.get("/samples").json()
    assert {subject: len(links) for subject, links in samples.items()} == {"fox": 8, "robot": 8, "teapot": 8}
    link = samples["teapot"][2]
    image = first.http.get(link).content
    assert opened(image).size == (512, 512)
    assert second.http.get(link).content == image
    assert first.http.get("/samples/fox/99.png").status_code == 404


def test_a_large_seed_is_kept_to_the_last_digit(emulate: Any) -> None:
    answer = emulate().answer("v4/dreambooth", model_id="sdxl", prompt="x", seed="9007199254740993")
    assert answer["meta"]["seed"] == 9007199254740993


def test_an_absurd_request_id_is_not_found(emulate: Any) -> None:
    assert emulate().post("v4/dreambooth/fetch", request_id="9" * 5000).status_code == 404
