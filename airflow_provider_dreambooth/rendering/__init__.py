# SPDX-License-Identifier: Apache-2.0
"""Renderings: what is remembered of a request, when to ask again, and where its images go."""
