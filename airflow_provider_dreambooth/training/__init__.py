# SPDX-License-Identifier: Apache-2.0
"""Decisions about trainings: what is known of one, what to do next, when to ask again.

Plain values and functions fed with a clock. Nothing here imports Airflow or an HTTP library; operator, sensor
and trigger share it, so that they cannot drift apart.
"""
