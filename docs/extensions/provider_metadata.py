# SPDX-License-Identifier: Apache-2.0
"""Sphinx directive ``python-json``: a value that Python code makes, shown as JSON, so that it is never out of date."""

from __future__ import annotations

import json
from importlib import import_module
from typing import Any, ClassVar

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class PythonJson(SphinxDirective):
    """``python-json:: package.module:function`` shows what the function returns."""

    required_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """Call the function and show its answer."""
        module, _, name = self.arguments[0].partition(":")
        text = json.dumps(getattr(import_module(module), name)(), indent=2, ensure_ascii=False)
        return [nodes.literal_block(text, text, language="json")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("python-json", PythonJson)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
