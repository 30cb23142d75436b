from __future__ import annotations

from airflow_provider_dreambooth.housekeeping.use import Use
from tests.unit.task_surroundings import MemoryVariables


def test_the_last_use_and_the_user_are_remembered() -> None:
    use = Use(MemoryVariables(), "stablediffusionapi.com")
    use.mark("a", by="sheet / run / render", now=1000.4)
    use.mark("a", by="another", now=2000.4)
    assert use.last("a") == (2000.0, "another")


def test_the_same_model_id_at_another_service_is_another_model() -> None:
    variables = MemoryVariables()
    Use(variables, "stablediffusionapi.com").mark("a", by="x", now=1.0)
    assert Use(variables, "127.0.0.1:8765").last("a") is None


def test_a_mark_goes_with_its_model() -> None:
    variables = MemoryVariables()
    use = Use(variables, "h")
    use.mark("a", by="x", now=1.0)
    use.forget("a")
    use.forget("a")
    assert variables.values == {}


def test_a_mark_that_somebody_broke_still_protects() -> None:
    variables = MemoryVariables()
    use = Use(variables, "h")
    use.mark("a", by="x", now=1.0)
    variables.values = dict.fromkeys(variables.values, "not JSON")
    last = use.last("a")
    assert last is not None
    assert last[0] > 1e12
