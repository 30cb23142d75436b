# SPDX-License-Identifier: Apache-2.0
"""Apache Airflow provider for Dreambooth fine-tuning on the Stable Diffusion API."""

__version__ = "0.1.0"
