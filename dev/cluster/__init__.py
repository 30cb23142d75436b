# SPDX-License-Identifier: Apache-2.0
"""
A small Airflow cluster on one machine: PostgreSQL, Redis, and two schedulers, triggerers and Celery workers.

``make cluster`` runs it; the tests in ``tests/cluster`` break it.
"""
