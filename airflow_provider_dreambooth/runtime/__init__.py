"""What touches Airflow's runtime and its versions."""
