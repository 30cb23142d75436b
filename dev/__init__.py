# SPDX-License-Identifier: Apache-2.0
"""What a contributor runs and a user never sees: demo, cluster, version matrix, release."""
