# SPDX-License-Identifier: Apache-2.0
"""
The documentation site: ``make docs``.

Nothing is fetched while it is built or read: no inventories of other sites, no remote fonts or scripts.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
# Importing Airflow writes its configuration into its home: not into the user's own.
os.environ["AIRFLOW_HOME"] = str(HERE / "_build" / "airflow")
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
sys.path.insert(0, str(HERE / "extensions"))

from airflow_provider_dreambooth import __version__  # noqa: E402

project = "airflow-provider-dreambooth"
author = "The airflow-provider-dreambooth authors"
version = release = __version__
language = "en"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx_argparse_cli",
    "sphinx_copybutton",
    "provider_metadata",
]
exclude_patterns = ["_build", "extensions"]

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_typehints_format = "short"
maximum_signature_line_length = 88
python_use_unqualified_type_names = True

# A copied shell line starts after its prompt; its output is not copied.
copybutton_prompt_text = "$ "
copybutton_only_copy_prompt_lines = True

html_theme = "furo"
html_title = f"Dreambooth for Airflow {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"
pygments_dark_style = "monokai"

# A pattern for pages that are not there (yet) is no mistake; Sphinx gives that warning no name to suppress it by.
logging.getLogger("sphinx.sphinx.directives.other").addFilter(
    lambda record: "toctree glob pattern" not in str(record.msg)
)
