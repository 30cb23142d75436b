# SPDX-License-Identifier: Apache-2.0
"""The operators: arguments and Airflow's life cycle. What they do is in ``training/``, ``rendering/`` and ``images/``."""
