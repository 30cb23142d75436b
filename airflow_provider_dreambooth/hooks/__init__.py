"""Airflow connection to typed result."""
