# SPDX-License-Identifier: Apache-2.0
"""
The provider on every Airflow that people run: one environment for each version, the same tests in all of them.

``make test-matrix`` runs it. Not part of the wheel.
"""
