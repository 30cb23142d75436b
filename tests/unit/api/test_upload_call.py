# SPDX-License-Identifier: Apache-2.0
"""Row J."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from airflow_provider_dreambooth.api.upload_call import MOST_BYTES, media_type, upload
from airflow_provider_dreambooth.exceptions import DreamboothTransientError, DreamboothValidationError
from tests.unit.api.service_answers import UPLOADED, error_of, read

PNG = b"\x89PNG\r\n\x1a\n image"
JPEG = b"\xff\xd8\xff image"


def test_row_j_sends_a_data_uri_and_crop_as_text() -> None:
    call = upload(PNG)
    assert call.path == "/api/v3/base64_crop"
    assert call.body == {"image": "data:image/png;base64," + base64.b64encode(PNG).decode(), "crop": "true"}
    assert upload(JPEG, crop=False).body["crop"] == "false"
    assert upload(JPEG).body["image"].startswith("data:image/jpeg;base64,")


def test_the_documented_answers_to_an_upload() -> None:
    uploaded = read(upload(PNG), UPLOADED)
    assert (uploaded.url, uploaded.request_id) == ("https://images.example/a.png", "2398")
    without = {"status": "success", "messege": "image uploaded", "link": "https://images.example/a.png"}
    assert read(upload(PNG), without).request_id is None


@pytest.mark.parametrize("document", [{"status": "success"}, {"status": "success", "link": ""}, []])
def test_an_answer_without_a_link_is_a_transient_error(document: Any) -> None:
    assert isinstance(error_of(upload(PNG), document), DreamboothTransientError)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"RIFF....WEBP", b"<svg/>"])
def test_other_formats_are_refused_by_their_first_bytes(content: bytes) -> None:
    with pytest.raises(
        DreamboothValidationError, match=r"^face.gif is neither PNG nor JPEG.*nothing was paid"
    ):
        upload(content, name="face.gif")
    assert media_type(PNG, "a") == "image/png"


def test_an_image_over_five_megabytes_is_refused() -> None:
    upload(PNG.ljust(MOST_BYTES, b" "))
    with pytest.raises(DreamboothValidationError, match=r"^face.png has 5.0 MB.*nothing was paid"):
        upload(PNG.ljust(MOST_BYTES + 1, b" "), name="face.png")
