"""
Carries one API call: ``ApiCall -> transport.send(call) -> typed result or DreamboothError``.

:mod:`.blocking` is for workers, :mod:`.asynchronous` for triggers. What they share decides without I/O:
:mod:`.route` (where a call goes and who may see the key), :mod:`.retry` (whether to repeat it),
:mod:`.limiter` (manners towards the account). Nothing here imports Airflow, and no HTTP library is
imported before the first call.
"""
