# SPDX-License-Identifier: Apache-2.0
"""
A real Airflow and the local emulator on this machine, for the demo and for system tests.

Not part of the wheel. Everything listens on loopback, lives in one folder, and ends with the
:class:`Stack`.
"""
