# SPDX-License-Identifier: Apache-2.0
"""What the operators that start a training have in common: pay for it once, find it again, wait for it."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowSkipException, BaseOperator

from airflow_provider_dreambooth.api.refusal import check_choice, check_flag
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothTrainingFailedError,
    DreamboothTrainingTimeoutError,
)
from airflow_provider_dreambooth.lineage.operators import TrainingLineage
from airflow_provider_dreambooth.links.dreambooth import TRAINING_LINKS
from airflow_provider_dreambooth.runtime import compat, stall
from airflow_provider_dreambooth.service_task import ServiceTask
from airflow_provider_dreambooth.training import deadline as deadlines
from airflow_provider_dreambooth.training import messages, task_summary
from airflow_provider_dreambooth.training.announcement import refuse_early_outlets
from airflow_provider_dreambooth.training.deadline import check_poll_interval, check_timeout
from airflow_provider_dreambooth.training.event import WaitEnded, error_of
from airflow_provider_dreambooth.training.record import Ending
from airflow_provider_dreambooth.training.task_record import TaskRecord

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_dreambooth.api.training_routes import TrainingRequest
    from airflow_provider_dreambooth.images.supply import ImageSupply
    from airflow_provider_dreambooth.training.cancellation import Cancellation
    from airflow_provider_dreambooth.training.record import Record
    from airflow_provider_dreambooth.training.submission import Secured, Submission


class TrainingOperator(ServiceTask, TrainingLineage, BaseOperator):
    """
    A task that has one paid training. What is trained, and by which interface of the service, says :meth:`_request`.

    :param images: as :class:`DreamboothFineTuneOperator` describes them; so with all that follows.
    """

    operator_extra_links = TRAINING_LINKS
    ui_color = "#efe4f7"

    def __init__(
        self,
        *,
        images: Any,
        parameters: Mapping[str, Any] | None,
        dreambooth_conn_id: str,
        wait_for_completion: bool,
        deferrable: bool,
        poll_interval: float | None,
        timeout: float | timedelta | None,
        cancel_on_kill: bool,
        cancel_on_timeout: bool,
        on_lost_submission: str,
        on_clear: str,
        validate_only: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.images = images
        self.parameters = parameters
        self.dreambooth_conn_id = dreambooth_conn_id
        self.wait_for_completion = wait_for_completion
        self.deferrable = deferrable
        self.poll_interval = poll_interval
        self.timeout = timeout
        self.cancel_on_kill = cancel_on_kill
        self.cancel_on_timeout = cancel_on_timeout
        self.on_lost_submission = on_lost_submission
        self.on_clear = on_clear
        self.validate_only = validate_only
        self._check_arguments()
        self._waiting_for: str | None = None
        self._end_time: float | None = None
        self._task_instance: Any = None
        #: A training that was adopted after a lost answer may be somebody else's.
        self._adopted = False
        self._record: TaskRecord | None = None
        self._record_before: Record | None = None
        self._stalls: stall.StallDetector | None = None
        self._killed: Cancellation | None = None

    def execute(self, context: Context) -> str:
        """Find this task's training again, or start and pay for it; wait for it if asked to."""
        return self._run(context)

    def _run(self, context: Context) -> str:
        with self.errors_for_airflow():
            return self._execute(context)

    def _check_arguments(self) -> None:
        """Refuse what no rendering can change, so that it is an import error of the DAG."""
        check_choice("on_lost_submission", self.on_lost_submission, ("fail", "resubmit"))
        check_choice("on_clear", self.on_clear, ("reuse", "retrain"))
        for flag in (
            "wait_for_completion",
            "deferrable",
            "cancel_on_kill",
            "cancel_on_timeout",
            "validate_only",
        ):
            check_flag(flag, getattr(self, flag))
        check_timeout(self.timeout)
        check_poll_interval(self.poll_interval)
        if self.outlets and not self.wait_for_completion:
            refuse_early_outlets(self.outlets)

    def _became_ready(self, context: Context, training_id: str) -> None:
        """Do what is left to do about a model that is ready."""

    @abstractmethod
    def _request(self, context: Context) -> TrainingRequest:
        """Return what is to be trained, checked but for its images."""

    def _execute(self, context: Context) -> str:
        from airflow_provider_dreambooth.training.paid_request import QueueFull
        from airflow_provider_dreambooth.training.validation import validate

        request = self._request(context)
        record = TaskRecord(context)
        images = record.images(self.hook, self.log)
        images.gather(self.images)
        if self.validate_only:
            raise AirflowSkipException(validate(self.hook, request, images, self.log))
        while True:
            try:
                secured = self._secure(request, record, images)
                break
            except QueueFull as queue:
                if self.deferrable:
                    self._defer_turn(queue.delay)
                time.sleep(queue.delay)
        if not self.wait_for_completion:
            self._learn_of_the_list(record, secured)
            record.finish(secured.record)
            return secured.training_id
        return self._wait(context, record, secured)

    def _secure(self, request: TrainingRequest, record: TaskRecord, images: ImageSupply) -> Secured:
        from airflow_provider_dreambooth.api.fingerprint import account_of, fingerprint
        from airflow_provider_dreambooth.training.decision import Situation

        settings = self.hook.settings
        known = self._record_before = record.load()
        may_be_paid = known is not None and known.ending is not Ending.NOT_ACCEPTED
        situation = Situation(
            record=known,
            fingerprint=fingerprint(request.billed(images=images.identities(known=may_be_paid))),
            account=account_of(settings.base_url, settings.environment),
            max_tries=record.max_tries,
            can_list=self._has_list,
            now=time.time(),
            on_lost_submission=self.on_lost_submission,  # type: ignore[arg-type]
            on_clear=self.on_clear,  # type: ignore[arg-type]
        )
        queued_until = known.queued_until if known else None
        self._end_time = deadlines.deadline_of(
            queued_until or (known.deadline if known else None),
            timeout=deadlines.seconds_of(self.timeout),
            now=time.time(),
            cleared=situation.cleared and queued_until is None,
        )
        submission = self._submission(record, situation.account, images)
        secured = submission.secure(request, situation)
        self._end_time = secured.record.deadline
        if secured.cancelled is not None:
            task_summary.show_cancelled(
                self, record.task_instance, secured.training_id, earlier=secured.cancelled
            )
        return secured

    def _submission(self, record: TaskRecord, account: str, images: ImageSupply | None = None) -> Submission:
        from airflow_provider_dreambooth.training.paid_request import PaidRequest
        from airflow_provider_dreambooth.training.submission import Submission

        shared: dict[str, Any] = {
            "hook": self.hook,
            "store": record,
            "registry": record.registry(account, self.dreambooth_conn_id),
            "log": self.log,
            "clock": time.time,
            "sleep": time.sleep,
            "deadline": self._end_time,
            "announce": lambda training_id: self._show_training(record, training_id),
        }
        paid_request = PaidRequest(
            timeout=deadlines.seconds_of(self.timeout),
            links=None if images is None else images.links,
            **shared,
        )
        return Submission(paid_request=paid_request, evidence=record.list_evidence(account), **shared)

    @property
    def _has_list(self) -> bool:
        """Whether the account's list of models shows the trainings of this task."""
        return self.hook.environment.has_model_list and self.hook.training_api.has_list

    def _learn_of_the_list(self, record: TaskRecord, secured: Secured) -> None:
        """Look up, once for an account, whether its list shows running trainings."""
        from airflow_provider_dreambooth.training.list_evidence import learn

        if self._has_list:
            evidence = record.list_evidence(secured.record.account)
            learn(self.hook, evidence, secured.record, log=self.log, clock=time.time, sleep=time.sleep)

    def _show_training(self, record: TaskRecord, training_id: str) -> None:
        record.announce(training_id)
        task_summary.show_known(
            self, record.task_instance, training_id, before=self._record_before, record=record.load()
        )

    def _wait(self, context: Context, record: TaskRecord, secured: Secured) -> str:
        from airflow_provider_dreambooth.training.polling import Polling, poll, wait

        self._waiting_for, self._task_instance, self._record = secured.training_id, context["ti"], record
        self._adopted = secured.record.adopted
        self._learn_of_the_list(record, secured)
        polling = Polling(
            task_summary.current(self, context["ti"], secured.training_id),
            now=time.time(),
            poll_interval=deadlines.seconds_of(self.poll_interval),
            end_time=self._end_time,
            show=lambda summary: task_summary.show(self, context["ti"], summary),
        )
        if not self.deferrable:
            with stall.watched_worker() as self._stalls:
                ended = wait(self.hook, polling, log=self.log, clock=time.time, sleep=time.sleep)
            return self._conclude(context, record, ended)
        first = poll(self.hook, polling, log=self.log, now=time.time(), status=secured.status)
        if first.ended is not None:
            return self._conclude(context, record, first.ended)
        self._defer_wait(secured.training_id, first.delay)
        raise AssertionError("defer() does not return")

    def _defer_wait(self, training_id: str, delay: float) -> None:
        from airflow_provider_dreambooth.triggers.dreambooth import DreamboothFineTuneTrigger

        now = time.time()
        if self.cancel_on_kill and not compat.TRIGGERS_LEARN_OF_KILLS:
            self.log.info(
                "Airflow below 3.3 does not notify a deferred task that is marked failed: training %s would keep running. %s",
                training_id,
                f"To stop it, cancel it with {self.hook.training_api.cancel_operator} or at the service."
                if self.hook.environment.has_cancel
                else "The sandbox environment has no cancel in any case.",
            )
        self.defer(
            trigger=DreamboothFineTuneTrigger(
                training_id=training_id,
                dreambooth_conn_id=self.dreambooth_conn_id,
                poll_interval=deadlines.seconds_of(self.poll_interval),
                end_time=self._end_time,
                first_poll=deadlines.first_poll_at(delay, now),
                cancel_on_kill=self.cancel_on_kill and not self._adopted,
                training_api=str(self.hook.training_api),
            ),
            method_name="execute_complete",
            timeout=deadlines.backstop(self._end_time, now),
        )

    def _defer_turn(self, delay: float) -> None:
        from airflow_provider_dreambooth.triggers.turn import DreamboothTurnTrigger

        moment = deadlines.first_poll_at(delay, time.time())
        self.defer(trigger=DreamboothTurnTrigger(moment=moment), method_name="execute_turn")

    def execute_turn(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Go on after waiting for a place in the account's queue."""
        # Not execute() itself: Airflow warns when anything but its task runner calls that.
        return self._run(context)

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> str:
        """Take the trigger's event: return the id of the model that is ready, or say what became of the training."""
        with self.errors_for_airflow():
            record = TaskRecord(context)
            known = record.load()
            expected = known.training_id if known else None
            return self._conclude(context, record, WaitEnded.from_payload(event, expected_id=expected))

    def _conclude(self, context: Context, record: TaskRecord, ended: WaitEnded) -> str:
        self._waiting_for = None
        known = record.load()
        task_summary.conclude(self, context, ended)
        if ended.status == "success":
            self.log.info("%s", ended.message)
            self._became_ready(context, ended.training_id)
            if known is not None:
                record.finish(known.ended(Ending.READY))
            return ended.training_id
        if ended.status == "timeout":
            raise self._timed_out(record, ended)
        error = error_of(ended)
        if ended.status == "cancelled" and self._killed is not None:
            # Airflow gives a task that was marked failed some seconds more, in which the wait sees its own cancel.
            error = DreamboothTrainingFailedError(
                f"{self._killed.text} Clear the task to pay for a new one.",
                cause_is_permanent=True,
                training_id=ended.training_id,
            )
        if isinstance(error, DreamboothNotFoundError):
            error.add(
                "With the key that started it, a clear takes it up again; if it is gone, a clear pays for a new one."
            )
        if known is not None and ended.status in ("failed", "cancelled"):
            ending = Ending.CANCELLED_EXTERNALLY if ended.status == "cancelled" else Ending.FAILED
            if ended.status == "failed" and ended.cause_is_permanent:
                ending = Ending.FAILED_PERMANENTLY
            record.save(known.ended(ending, ended.reason))
        raise error

    def _timed_out(self, record: TaskRecord, ended: WaitEnded) -> DreamboothError:
        known = record.load()
        cancelled = False
        if self.cancel_on_timeout:
            from airflow_provider_dreambooth.training import cancellation

            if known is not None and known.adopted:
                why = "it was adopted after a lost answer and may be somebody else's"
                result = cancellation.left_running(ended.training_id, why)
            else:
                result = cancellation.cancel(self.hook, ended.training_id, why="the task's timeout is over")
            result.report(self.log)
            cancelled = result.fate is cancellation.Fate.CANCELLED
            if cancelled and known is not None:
                record.save(known.ended(Ending.CANCELLED, "the task's timeout was over"))
        text = messages.timed_out(
            ended.training_id,
            waited=deadlines.seconds_of(self.timeout),
            cancelled_it=cancelled,
            environment_can_cancel=self.hook.environment.has_cancel,
        )
        return DreamboothTrainingTimeoutError(text, training_id=ended.training_id)

    def on_kill(self) -> None:
        """Cancel the training if, and only if, a person marked the task failed while it waits on this worker."""
        if self._waiting_for is None or not self.cancel_on_kill:
            return
        from airflow_provider_dreambooth.training import cancellation

        now = time.time()
        known = cancellation.KillFacts(
            task_state=None,
            now=now,
            end_time=self._end_time,
            stalled=self._stalls is not None and self._stalls.stalled(now),
            adopted=self._adopted,
        )
        self._killed = cancellation.cancel_if_marked_failed(
            self.hook, self._waiting_for, self._task_instance, self.get_dag(), known
        )
        self._killed.report(self.log)
