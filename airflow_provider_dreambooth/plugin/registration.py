# SPDX-License-Identifier: Apache-2.0
"""
What Airflow is told about the pages: entry point ``dreambooth`` of the group ``airflow.plugins``.

Every component of Airflow imports this module at its start, so it imports nothing that a worker or a triggerer
would not have imported anyway. The web application is built only where it is asked for: in the api-server.
"""

from __future__ import annotations

from typing import Any

from airflow.configuration import conf
from airflow.plugins_manager import AirflowPlugin

from airflow_provider_dreambooth.runtime.compat import AIRFLOW_V_3_1_PLUS

#: Where the api-server serves the files, below its base path.
URL_PREFIX = "/dreambooth"
#: Relative, so that a base path of Airflow (``[api] base_url``) is respected.
_FOLDER = URL_PREFIX.removeprefix("/")
#: Filled in by Airflow's UI; a task that is not mapped leaves the last one as it is.
_TASK = "dag_id={DAG_ID}&run_id={RUN_ID}&task_id={TASK_ID}&map_index={MAP_INDEX}"


def _view(name: str, destination: str, url_route: str, href: str) -> dict[str, Any]:
    return {
        "name": name,
        "destination": destination,
        "url_route": url_route,
        "href": f"{_FOLDER}/{href}",
        "icon": f"{_FOLDER}/icon.svg",
        "icon_dark_mode": f"{_FOLDER}/icon-dark.svg",
    }


class DreamboothPlugin(AirflowPlugin):
    """One page in the navigation, and two tabs of a task instance."""

    name = "dreambooth"

    def __init__(self) -> None:
        # Of this instance: Airflow removes views from the list when another plugin has taken their route.
        self.external_views = [
            _view("Dreambooth", "nav", "dreambooth", "trainings.html") | {"nav_top_level": True},
            _view("Training", "task_instance", "dreambooth-training", f"training.html?{_TASK}"),
            _view("Pictures", "task_instance", "dreambooth-images", f"pictures.html?{_TASK}"),
        ]

    @property
    def fastapi_apps(self) -> list[Any]:  # type: ignore[override]  # Airflow declares a plain attribute
        """The application that serves the files; built when the api-server asks."""
        from airflow_provider_dreambooth.plugin.application import application

        return [{"app": application(), "url_prefix": URL_PREFIX, "name": "Dreambooth pages"}]


def _is_wanted() -> bool:
    """Below Airflow 3.1 there is no place for pages; ``[dreambooth] ui`` switches them off."""
    return AIRFLOW_V_3_1_PLUS and conf.getboolean("dreambooth", "ui", fallback=True)


#: What the entry point names. Airflow passes over an entry point that is no plugin, so ``None`` registers nothing.
plugin: type[DreamboothPlugin] | None = DreamboothPlugin if _is_wanted() else None
