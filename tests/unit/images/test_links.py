# SPDX-License-Identifier: Apache-2.0
"""What the check of a link decides."""

from __future__ import annotations

import io
import threading
from typing import IO

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.images.inspection import inspect
from airflow_provider_dreambooth.images.links import LinkCheck, check_links
from airflow_provider_dreambooth.transport.download import NotFetchedError
from tests.emulated_task import photo

LINK = "https://images.example/1.png"


def check(
    answer: bytes | NotFetchedError, *, link: str = LINK, allow_private: bool = True, proxy: bool = False
) -> LinkCheck:
    def fetch(asked: str) -> IO[bytes]:
        assert asked == link
        if isinstance(answer, NotFetchedError):
            raise answer
        return io.BytesIO(answer)

    return check_links([link], fetch=fetch, allow_private=allow_private, behind_proxy=proxy)[0]


def http(code: int) -> NotFetchedError:
    return NotFetchedError("the server's word", status=code)


def test_an_image_is_in_order() -> None:
    found = check(photo())
    assert found.error is None
    assert found.warning is None
    assert found.facts is not None


def test_a_page_in_place_of_an_image_is_an_error() -> None:
    assert check(b"<html>").error == "is a web page; PNG or JPEG is needed"


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410])
def test_what_the_server_says_is_certain(code: int) -> None:
    assert check(http(code)).error == f"leads to no image (HTTP {code})"


@pytest.mark.parametrize("code", [407, 408, 429, 500, 502, 503])
def test_what_may_be_otherwise_for_the_service_is_a_warning(code: int) -> None:
    found = check(http(code))
    assert found.error is None
    assert found.warning == f"could not be checked from this worker (HTTP {code})"


def test_a_server_that_this_worker_cannot_reach_is_a_warning() -> None:
    found = check(NotFetchedError("cannot be reached from this worker"))
    assert (found.error, found.warning) == (None, "cannot be reached from this worker")


def test_a_forbidden_that_a_proxy_may_have_said_is_a_warning() -> None:
    assert check(http(403), proxy=True).error is None
    assert check(http(404), proxy=True).error is not None


def test_what_is_the_same_for_everybody_is_an_error() -> None:
    found = check(NotFetchedError("has more than 64 MB", certain=True))
    assert found.error == "cannot be used: it has more than 64 MB"


@pytest.mark.parametrize("name", ["localhost", "nas.local", "db.internal.", "a.localhost", "tv.home.arpa"])
def test_a_name_that_is_never_public_is_an_error_unless_the_service_is_private(name: str) -> None:
    link = f"http://{name}/1.png"
    found = check(photo(), link=link, allow_private=False)
    assert found.error == "is an address of a private network, which the hosted service cannot reach"
    assert check(photo(), link=link, allow_private=True).error is None


def test_links_are_fetched_side_by_side_and_decoded_one_by_one(mocker: MockerFixture) -> None:
    together = threading.Barrier(4)
    at_work = threading.Lock()
    real = inspect

    def fetch(link: str) -> IO[bytes]:
        together.wait(30)
        return io.BytesIO(photo())

    def alone(content: bytes) -> object:
        assert at_work.acquire(blocking=False), "two images were in memory at once"
        try:
            return real(content)
        finally:
            at_work.release()

    mocker.patch("airflow_provider_dreambooth.images.links.inspect", alone)
    checks = check_links(
        [f"{LINK}{n}" for n in range(8)], fetch=fetch, allow_private=True, behind_proxy=False
    )
    assert [found.facts is not None for found in checks] == [True] * 8
