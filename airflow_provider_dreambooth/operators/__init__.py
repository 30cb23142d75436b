# SPDX-License-Identifier: Apache-2.0
"""Airflow's life cycle around the rooms below."""
