# SPDX-License-Identifier: Apache-2.0
"""Which addresses a link of somebody else may lead to."""

from __future__ import annotations

import socket

import pytest
from pytest_mock import MockerFixture

from airflow_provider_dreambooth.exceptions import DreamboothTransientError
from airflow_provider_dreambooth.transport import address as addresses_module
from airflow_provider_dreambooth.transport.address import (
    AddressRule,
    ForbiddenAddressError,
    addresses_of,
    may_be_private,
)

PRIVATE = [
    "127.0.0.1",
    "10.0.0.5",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fc00::1",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::10.0.0.5",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "2002:7f00:1::",
    "2002:a00:5::1",
    "192.0.0.8",
    "192.88.99.1",
    "3fff::1",
    "5f00::1",
    "fec0::1",
]
CREDENTIALS = ["169.254.169.254", "fd00:ec2::254", "168.63.129.16", "100.100.100.200", "192.0.0.192"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_public_internet_is_refused(address: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        AddressRule(allow_private=False).check(["8.8.8.8", address])


@pytest.mark.parametrize("address", [*CREDENTIALS, "::ffff:168.63.129.16"])
@pytest.mark.parametrize("allow_private", [True, False])
def test_where_clouds_keep_their_credentials_is_never_allowed(address: str, allow_private: bool) -> None:
    with pytest.raises(ForbiddenAddressError):
        AddressRule(allow_private).check([address])


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_a_public_address_is_allowed_however_it_is_carried(address: str) -> None:
    AddressRule(allow_private=False).check([address])


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.5", "::1", "8.8.8.8"])
def test_private_networks_are_allowed_where_the_service_is_in_one(address: str) -> None:
    AddressRule(allow_private=True).check([address])


@pytest.mark.parametrize(
    "address", ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"]
)
def test_the_addresses_of_cloud_credentials_are_never_allowed(address: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        AddressRule(allow_private=True).check([address])


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "0x7f000001", "017700000001"])
def test_every_spelling_that_a_connection_takes_stands_for_its_address(host: str) -> None:
    assert addresses_of(host, 80) == ["127.0.0.1"]


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "xn--.", "\N{SNOWMAN}" * 80])
def test_a_name_that_cannot_be_one_is_not_resolved(host: str) -> None:
    with pytest.raises(socket.gaierror):
        addresses_of(host)


@pytest.mark.parametrize(
    ("base_url", "addresses", "allowed"),
    [
        ("https://modelslab.com", ["10.0.0.1"], False),
        ("https://gateway.example", ["8.8.8.8"], False),
        ("https://gateway.example", ["8.8.8.8", "10.0.0.1"], False),
        ("http://emulator:8765", ["172.18.0.2"], True),
        ("http://127.0.0.1:8765", ["127.0.0.1"], True),
    ],
)
def test_links_may_be_private_only_where_the_service_is(
    base_url: str, addresses: list[str], allowed: bool, mocker: MockerFixture
) -> None:
    mocker.patch.object(addresses_module, "addresses_of", return_value=addresses)
    assert may_be_private(base_url) is allowed


def test_a_name_server_that_fails_is_a_transient_error_and_not_a_verdict_on_the_links(
    mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    mocker.patch.object(addresses_module, "addresses_of", side_effect=OSError("no such name"))
    with pytest.raises(DreamboothTransientError, match=r"'gateway\.example' .* cannot be resolved"):
        may_be_private("https://gateway.example")
    # The proxy resolves it.
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert may_be_private("https://gateway.example") is False
