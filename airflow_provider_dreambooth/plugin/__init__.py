"""The pages in Airflow's UI: static files, and their registration as a plugin."""
