"""Airflow's life cycle around the rooms below."""
