# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

from airflow_provider_dreambooth.plugin.registration import DreamboothPlugin
from tests.airflow_version import before_airflow, since_airflow


def in_a_new_process(code: str, **variables: str) -> str:
    """Run Python code as a component of Airflow would begin, and return what it prints."""
    environment = os.environ | variables
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


ENTRY_POINT = """
from importlib.metadata import entry_points
print(entry_points(group="airflow.plugins")["dreambooth"].load())
"""


@since_airflow("3.1", "pages of plugins")
def test_airflow_finds_the_plugin_by_its_entry_point() -> None:
    assert entry_points(group="airflow.plugins")["dreambooth"].load().name == "dreambooth"


@before_airflow("3.1", "no pages of plugins")
def test_below_airflow_3_1_nothing_is_registered() -> None:
    assert entry_points(group="airflow.plugins")["dreambooth"].load() is None


def test_the_pages_are_switched_off_by_the_environment() -> None:
    assert in_a_new_process(ENTRY_POINT, AIRFLOW__DREAMBOOTH__UI="False") == "None"


def test_a_component_that_serves_no_pages_imports_nothing_for_them() -> None:
    code = """
import sys, airflow.plugins_manager
before = set(sys.modules)
from airflow_provider_dreambooth.plugin.registration import DreamboothPlugin
DreamboothPlugin().external_views
print(*sorted(name for name in set(sys.modules) - before if not name.startswith("airflow_provider_dreambooth")))
"""
    assert in_a_new_process(code) == ""


def test_the_addresses_keep_airflows_base_path() -> None:
    views = DreamboothPlugin().external_views
    assert {view["destination"] for view in views} == {"nav", "task_instance"}
    for view in views:
        assert not view["href"].startswith("/")
        assert view["href"].startswith("dreambooth/")


def test_every_page_and_icon_that_is_named_is_in_the_package() -> None:
    import airflow_provider_dreambooth.plugin as package

    static = Path(str(package.__file__)).parent / "static"
    for view in DreamboothPlugin().external_views:
        for address in (view["href"].split("?")[0], view["icon"], view["icon_dark_mode"]):
            assert (static / address.removeprefix("dreambooth/")).is_file()


def test_two_plugins_do_not_share_their_views() -> None:
    first = DreamboothPlugin()
    first.external_views.clear()
    assert DreamboothPlugin().external_views
