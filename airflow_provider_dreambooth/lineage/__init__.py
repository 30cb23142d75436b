# SPDX-License-Identifier: Apache-2.0
"""Lineage by OpenLineage: images in, a model out; a model in, images out.

Airflow's OpenLineage provider finds the methods by their names and calls them when it is installed and configured.
Nothing here imports it before that.
"""
