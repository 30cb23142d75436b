# SPDX-License-Identifier: Apache-2.0
"""How a link is shown."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.api.fine_tune_rules import check_images, check_webhook
from airflow_provider_dreambooth.api.link_text import for_display, holds_secret, service_link
from airflow_provider_dreambooth.exceptions import DreamboothValidationError


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("https://b.example/1.png", "https://b.example/1.png"),
        ("https://b.example/1.png?X-Amz-Signature=s3cret&x=1", "https://b.example/1.png?…"),
        ("https://b.example?sig=s3cret", "https://b.example?…"),
        ("https://b.example/1.png#s3cret", "https://b.example/1.png"),
        ("https://b.example/1.png#a?s3cret", "https://b.example/1.png?…"),
        ("HTTPS://user:s3cret@b.example/1.png", "HTTPS://b.example/1.png"),
        ("https://user:s3cret@b.example/@1.png", "https://b.example/@1.png"),
        ("https://exa mple.com/1.png?sig=s3cret", "https://exa mple.com/1.png?…"),
        ("http://[broken/1.png?sig=s3cret", "http://[broken/1.png?…"),
    ],
)
def test_a_link_is_shown_without_query_fragment_and_password(link: str, shown: str) -> None:
    assert for_display(link) == shown
    assert holds_secret(link) == (link != shown)
    assert "s3cret" not in for_display(link)


@pytest.mark.parametrize("text", ["/data/a?b.png", "s3://conn@bucket/a#b.png", "photo.png", ""])
def test_any_other_text_is_shown_as_it_is(text: str) -> None:
    assert for_display(text) == text
    assert not holds_secret(text)


def test_a_refused_link_is_quoted_without_its_signature() -> None:
    with pytest.raises(DreamboothValidationError) as caught:
        check_images(["https://exa mple.com/1.png?sig=s3cret"] * 3)
    assert "s3cret" not in str(caught.value)
    with pytest.raises(DreamboothValidationError) as caught:
        check_webhook("https://exa mple.com/hook?token=s3cret")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "//cdn.example/0.png",
        "https://",
        "https://[::1",
        "https://cdn.example/a b.png",
        "https://cdn.example/\u202egnp.0",
        "https://cdn.example/0.png\nX: y",
        "https://cdn.example/" + "x" * 5000,
        ["https://cdn.example/0.png"],
        None,
        7,
    ],
)
def test_what_is_no_link_of_the_web_becomes_no_link_of_ours(value: object) -> None:
    assert service_link(value) is None


def test_a_link_of_the_service_is_taken_as_it_is() -> None:
    link = "https://cdn.example/generations/0.png?X-Amz-Signature=" + "a" * 1500
    assert service_link(f" {link}\n") == link
