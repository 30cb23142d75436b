# SPDX-License-Identifier: Apache-2.0
"""A local stand-in for the hosted API: an application of its own that shares no code with the provider."""
