"""What a look at a link decides."""

from __future__ import annotations

import pytest

from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothTransientError,
    DreamboothValidationError,
)
from airflow_provider_dreambooth.images.links import LinkCheck, check_links
from tests.emulated_task import photo

LINK = "https://pictures.example/1.png"


def check(
    answer: bytes | DreamboothError, *, link: str = LINK, hosted: bool = False, proxy: bool = False
) -> LinkCheck:
    def download(asked: str) -> bytes:
        assert asked == link
        if isinstance(answer, DreamboothError):
            raise answer
        return answer

    return check_links([link], download=download, service_is_hosted=hosted, behind_proxy=proxy)[0]


def http(code: int) -> DreamboothError:
    return DreamboothTransientError("the server's word", http_status=code)


def test_a_picture_is_in_order() -> None:
    found = check(photo())
    assert found.error is None
    assert found.warning is None
    assert found.facts is not None


def test_a_page_in_place_of_a_picture_is_an_error() -> None:
    assert check(b"<html>").error == "is a web page, not a PNG or JPEG picture"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
def test_what_the_server_says_is_certain(code: int) -> None:
    assert check(http(code)).error == f"leads to no picture (HTTP {code})"


@pytest.mark.parametrize("code", [407, 408, 429, 500, 502, 503])
def test_what_may_be_otherwise_for_the_service_is_a_warning(code: int) -> None:
    found = check(http(code))
    assert found.error is None
    assert found.warning == f"could not be looked at from this worker (HTTP {code})"


def test_a_server_that_this_worker_cannot_reach_is_a_warning() -> None:
    found = check(DreamboothTransientError("refused the connection"))
    assert (found.error, found.warning) == (None, "cannot be reached from this worker")


def test_a_forbidden_that_a_proxy_may_have_said_is_a_warning() -> None:
    assert check(http(403), proxy=True).error is None
    assert check(http(404), proxy=True).error is not None


def test_a_file_that_is_no_picture_by_its_size_is_an_error() -> None:
    found = check(DreamboothValidationError("larger than 64 MB"))
    assert found.error == "cannot be used: larger than 64 MB"


@pytest.mark.parametrize(
    "link",
    ["http://localhost/1.png", "http://10.0.0.5/1.png", "http://[::1]/1.png", "http://nas.local/1.png"],
)
def test_an_address_of_a_private_network_is_an_error_for_the_hosted_service_alone(link: str) -> None:
    found = check(photo(), link=link, hosted=True)
    assert found.error == "is an address of a private network, which the hosted service cannot reach"
    assert check(photo(), link=link, hosted=False).error is None


def test_a_public_address_may_be_named_by_number() -> None:
    assert check(photo(), link="http://8.8.8.8/1.png", hosted=True).error is None
