"""Lineage by OpenLineage: pictures in, a model out; a model in, pictures out.

Airflow's OpenLineage provider finds the methods by their names and calls them when it is installed and configured.
Nothing here imports it before that.
"""
