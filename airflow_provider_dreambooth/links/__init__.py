# SPDX-License-Identifier: Apache-2.0
"""Links from a task's page in Airflow to the service."""
