# SPDX-License-Identifier: Apache-2.0
"""
Wheel and source archive: built so that anybody gets the same bytes, checked, installed into empty environments.

``dev/release/publish`` walks through it. Not part of the wheel.
"""
