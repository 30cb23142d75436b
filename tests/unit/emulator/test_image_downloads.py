# SPDX-License-Identifier: Apache-2.0
"""With --fetch-images the training images are really downloaded."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_dreambooth.emulator import image_downloads
from airflow_provider_dreambooth.emulator.image_downloads import ImageDownloads
from airflow_provider_dreambooth.emulator.sample_images import sample_png

LINKS = [f"https://example.com/{number}.png" for number in range(1, 5)]


def fetched(emulated: Any, training_id: str) -> None:
    ImageDownloads(emulated.service).fetch(emulated.service.trainings[training_id])


def test_links_that_give_no_image_make_the_training_fail(
    emulate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_downloads, "downloaded", lambda link: b"png" if link == LINKS[0] else None)
    emulated = emulate()
    training_id = emulated.create(images=[*LINKS, "http://testserver/samples/fox/1.png"]).json()[
        "training_id"
    ]
    fetched(emulated, training_id)
    emulated.clock.advance(2100)
    assert emulated.stage(training_id) == "training_failed"
    assert "less than 3" in emulated.answer(f"v3/fine_tune_status/{training_id}")["data"]


def test_downloaded_images_train_and_appear_in_the_rendering(
    emulate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulated = emulate()
    training_id = emulated.trained(images=LINKS)

    def render() -> bytes:
        answer = emulated.answer("v4/dreambooth", model_id=training_id, prompt="x", seed=1)
        return bytes(emulated.http.get(answer["output"][0]).content)

    with_placeholders = render()
    monkeypatch.setattr(image_downloads, "downloaded", lambda link: sample_png("fox", 1))
    fetched(emulated, training_id)
    assert emulated.stage(training_id) == "model_ready"
    assert render() != with_placeholders


def test_nothing_is_downloaded_unless_asked(emulate: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageDownloads, "fetch", lambda self, training: pytest.fail("downloaded"))
    emulated = emulate()
    emulated.create(images=LINKS)
    assert emulated.service.downloads == {}


@pytest.mark.parametrize("link", ["http://127.0.0.1:1/none.png", "http://"])
def test_an_unreachable_link_gives_nothing(link: str) -> None:
    assert image_downloads.downloaded(link) is None
