# SPDX-License-Identifier: Apache-2.0
"""From wherever the images are to the public links that the service takes; checked before money is spent."""
