# SPDX-License-Identifier: Apache-2.0
"""
What waiting costs, measured: ``make bench``.

Each room measures one thing and returns plain values; :mod:`.report` writes them down with what they were
measured on. Competitors run in environments of their own, made by :mod:`.environments`. Timed figures are
compared within one run, by ratio: machines differ, and other things run on them.
"""
