# SPDX-License-Identifier: Apache-2.0
"""
Carries one API call: ``ApiCall -> transport.send(call) -> typed result or DreamboothError``.

:mod:`.exchange` decides, without I/O, what to do next and what came of it, by :mod:`.route` (where a call goes and who
may see the key), :mod:`.retry` (whether to repeat it), :mod:`.rate_limit` (what the account may send) and
:mod:`.errors`. Two drivers carry its steps out: :mod:`.blocking` with requests, for workers, and :mod:`.asynchronous`
with aiohttp, for triggers. Nothing here imports Airflow, and no HTTP library is imported before the first call.
"""
