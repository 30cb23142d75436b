# SPDX-License-Identifier: Apache-2.0
"""All that is decided and done about a paid training, from the record of earlier tries to the end of the wait.

Decisions are plain values and functions fed with a clock, which operator, sensor and trigger share, so that they cannot
drift apart. Nothing here imports an operator or a trigger.
"""
