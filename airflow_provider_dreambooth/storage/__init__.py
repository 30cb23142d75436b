# SPDX-License-Identifier: Apache-2.0
"""Files wherever Airflow can reach them: the worker's disk, and object storage through Airflow's connections."""
