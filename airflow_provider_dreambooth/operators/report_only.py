"""``report_only``: what Airflow's word ``dry_run`` is taken for (``BaseOperator.dry_run()`` renders templates)."""

from __future__ import annotations

from typing import Any


def reports_only(value: Any) -> bool:
    """
    Read the argument, which a template turns into text.

    :raises DreamboothValidationError: it is neither yes nor no; nothing was done.
    """
    text = str(value).strip().lower()
    if text in ("true", "1", "yes"):
        return True
    if text in ("false", "0", "no", "none", ""):
        return False
    from airflow_provider_dreambooth.api.refusal import refuse

    raise refuse("report_only", f"is {value!r}", "Use True or False")
