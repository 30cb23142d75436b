# SPDX-License-Identifier: Apache-2.0
"""The service and nothing else: where each call goes, what it sends, what its answers mean.

Pure values in and out. Nothing here imports Airflow or an HTTP library.
"""
