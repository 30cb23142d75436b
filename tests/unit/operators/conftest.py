# SPDX-License-Identifier: Apache-2.0
"""A real emulator, and folders of photographs."""

from __future__ import annotations

from tests.emulated_task import album, asked, connection, emulator, hook

__all__ = ["album", "asked", "connection", "emulator", "hook"]
