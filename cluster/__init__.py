"""
A small Airflow cluster on one machine: PostgreSQL, Redis, Celery workers, and two of each other component.

``make cluster`` runs it; the tests in ``tests/cluster`` break it.
"""
