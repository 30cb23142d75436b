# SPDX-License-Identifier: Apache-2.0
"""What touches Airflow's runtime and its versions."""
