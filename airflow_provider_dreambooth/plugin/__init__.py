# SPDX-License-Identifier: Apache-2.0
"""The pages in Airflow's UI: static files, and their registration as a plugin."""
