# SPDX-License-Identifier: Apache-2.0
"""One try of a task that has one paid training: find it again or pay for it, wait for it, and say what became of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow_provider_dreambooth.api.fingerprint import account_of, fingerprint
from airflow_provider_dreambooth.exceptions import (
    DreamboothError,
    DreamboothNotFoundError,
    DreamboothTrainingFailedError,
    DreamboothTrainingTimeoutError,
)
from airflow_provider_dreambooth.runtime import compat, stall
from airflow_provider_dreambooth.runtime.deferral import Deferral
from airflow_provider_dreambooth.training import (
    cancellation,
    kill_order,
    list_evidence,
    messages,
    polling,
    task_summary,
    validation,
)
from airflow_provider_dreambooth.training import deadline as deadlines
from airflow_provider_dreambooth.training.bookkeeping import Bookkeeping
from airflow_provider_dreambooth.training.cancellation import Cancellation
from airflow_provider_dreambooth.training.decision import Situation
from airflow_provider_dreambooth.training.event import WaitEnded, error_of
from airflow_provider_dreambooth.training.paid_request import QueueFull
from airflow_provider_dreambooth.training.record import Ending, Record
from airflow_provider_dreambooth.training.submission import Secured, Submission
from airflow_provider_dreambooth.training.task_record import TaskRecord

if TYPE_CHECKING:
    from airflow_provider_dreambooth.api.training_routes import TrainingRequest
    from airflow_provider_dreambooth.images.supply import ImageSupply
    from airflow_provider_dreambooth.training.task import TrainingTask


class TrainingRun:
    """
    One try of the task. It never defers: where there is something to wait for, it returns a :class:`Deferral`.

    :param task: the operator.
    :param context: the task's context.
    :param clock: returns epoch seconds.
    :param sleep: waits that many seconds.
    """

    def __init__(
        self,
        task: TrainingTask,
        context: Any,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._task = task
        self._context = context
        self._task_instance = context["ti"]
        self._hook = task.hook
        self._log = task.log
        self._clock = clock
        self._sleep = sleep
        self._timeout = deadlines.seconds_of(task.timeout)
        self._record = TaskRecord(context)
        self._record_before: Record | None = None
        self._end_time: float | None = None
        #: The training that this worker waits for right now.
        self.waiting_for: str | None = None
        #: A training that was adopted after a lost answer may be somebody else's.
        self._adopted = False
        self._stalls: stall.StallDetector | None = None
        self._killed: Cancellation | None = None

    def validate(self, request: TrainingRequest) -> str:
        """
        Check everything that can be checked without paying.

        :param request: what is to be trained, checked but for its images.
        :return: what was found, for the task's end.
        """
        return validation.validate(self._hook, request, self._images(), self._log)

    def start(self, request: TrainingRequest) -> str | Deferral:
        """
        Find the task's training again, or start and pay for it; wait for it if the task is to.

        :param request: what is to be trained, checked but for its images.
        :return: the training id.
        """
        images = self._images()
        while True:
            try:
                secured = self._secure(request, images)
                break
            except QueueFull as queue:
                if self._task.deferrable:
                    moment = deadlines.first_poll_at(queue.delay, self._clock())
                    return Deferral("time", {"moment": moment}, method="execute_turn")
                self._sleep(queue.delay)
        if self._task.wait_for_completion:
            return self._wait(secured)
        self._learn_of_the_list(secured)
        self._record.finish(secured.record, secured.record)
        return secured.training_id

    def resume(self, event: dict[str, Any] | None) -> str:
        """
        Return the id of the model that is ready, or say what became of the training.

        :param event: the trigger's event.
        """
        known = self._record.load()
        expected = known.training_id if known else None
        return self.conclude(WaitEnded.from_payload(event, expected_id=expected))

    def _images(self) -> ImageSupply:
        images = self._record.images(self._hook, self._log)
        images.gather(self._task.images)
        return images

    def _secure(self, request: TrainingRequest, images: ImageSupply) -> Secured:
        settings = self._hook.settings
        known = self._record_before = self._record.load()
        may_be_paid = known is not None and known.ending is not Ending.NOT_ACCEPTED
        situation = Situation(
            record=known,
            fingerprint=fingerprint(request.billed(images=images.identities(known=may_be_paid))),
            account=account_of(settings.base_url, settings.environment),
            max_tries=self._record.max_tries,
            try_number=self._record.try_number,
            can_list=self._has_list,
            now=self._clock(),
            on_lost_submission=self._task.on_lost_submission,  # type: ignore[arg-type]
            on_clear=self._task.on_clear,  # type: ignore[arg-type]
        )
        queued_until = known.queued_until if known else None
        self._end_time = deadlines.deadline_of(
            queued_until or (known.deadline if known else None),
            timeout=self._timeout,
            now=self._clock(),
            cleared=situation.cleared and queued_until is None,
        )
        secured = self._submission(situation.account, images).secure(request, situation)
        self._end_time = secured.record.deadline
        if secured.cancelled is not None:
            task_summary.show_cancelled(
                self._task, self._task_instance, secured.training_id, earlier=secured.cancelled
            )
        return secured

    def _submission(self, account: str, images: ImageSupply) -> Submission:
        books = Bookkeeping(
            store=self._record,
            registry=self._record.registry(account, self._task.dreambooth_conn_id),
            log=self._log,
            clock=self._clock,
            sleep=self._sleep,
            announce=self._announce,
        )
        return Submission(
            hook=self._hook,
            books=books,
            evidence=self._record.list_evidence(account),
            deadline=self._end_time,
            timeout=self._timeout,
            links=images.links,
        )

    def _announce(self, training_id: str) -> None:
        self._record.announce(training_id)
        task_summary.show_known(
            self._task,
            self._task_instance,
            training_id,
            before=self._record_before,
            record=self._record.load(),
        )

    @property
    def _has_list(self) -> bool:
        """Whether the account's list of models shows the trainings of this task."""
        return self._hook.environment.has_model_list and self._hook.training_api.has_list

    def _learn_of_the_list(self, secured: Secured) -> None:
        """Look up, once for an account, whether its list shows running trainings."""
        if self._has_list:
            evidence = self._record.list_evidence(secured.record.account)
            list_evidence.learn(
                self._hook, evidence, secured.record, log=self._log, clock=self._clock, sleep=self._sleep
            )

    def _wait(self, secured: Secured) -> str | Deferral:
        self.waiting_for, self._adopted = secured.training_id, secured.record.adopted
        self._learn_of_the_list(secured)
        waiting = polling.Polling(
            task_summary.current(self._task, self._task_instance, secured.training_id),
            now=self._clock(),
            poll_interval=deadlines.seconds_of(self._task.poll_interval),
            end_time=self._end_time,
            show=lambda summary: task_summary.show(self._task, self._task_instance, summary),
        )
        if not self._task.deferrable:
            with stall.watched_worker() as self._stalls:
                ended = polling.wait(self._hook, waiting, log=self._log, clock=self._clock, sleep=self._sleep)
            return self.conclude(ended)
        first = polling.poll(self._hook, waiting, log=self._log, now=self._clock(), status=secured.status)
        if first.ended is not None:
            return self.conclude(first.ended)
        if self._task.cancel_on_kill and not compat.TRIGGERS_LEARN_OF_KILLS:
            self._log.info(
                "Airflow below 3.3 does not notify a deferred task that is marked failed: training %s would keep running. %s",
                secured.training_id,
                f"To stop it, cancel it with {self._hook.training_api.cancel_operator} or at the service."
                if self._hook.environment.has_cancel
                else "The sandbox environment has no cancel in any case.",
            )
        return waiting.deferral(
            first.delay,
            self._clock(),
            cancel_on_kill=self._task.cancel_on_kill and not self._adopted,
            training_api=str(self._hook.training_api),
        )

    def conclude(self, ended: WaitEnded) -> str:
        """
        Write the end of the wait where it belongs, and return the id of the model that is ready.

        :param ended: how the wait ended.
        :raises DreamboothError: the model is not ready.
        """
        self.waiting_for = None
        known = self._record.load()
        if known is not None and known.training_id != ended.training_id:
            # Another try of the task has gone on to another training while this worker stood still.
            known = None
        task_summary.conclude(self._task, self._context, ended)
        if ended.status == "success":
            self._log.info("%s", ended.message)
            self._became_ready(ended.training_id)
            if known is not None:
                self._record.finish(known, known.ended(Ending.READY))
            return ended.training_id
        if ended.status == "timeout":
            raise self._timed_out(known, ended)
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
                "With the key that started it, a clear re-attaches to it; if it is gone, a clear pays for a new one."
            )
        if known is not None and ended.status in ("failed", "cancelled"):
            ending = Ending.CANCELLED_EXTERNALLY if ended.status == "cancelled" else Ending.FAILED
            if ended.status == "failed" and ended.cause_is_permanent:
                ending = Ending.FAILED_PERMANENTLY
            self._record.end(known, known.ended(ending, ended.reason))
        raise error

    def _became_ready(self, training_id: str) -> None:
        """Do what is left to do about a model that is ready."""

    def _timed_out(self, known: Record | None, ended: WaitEnded) -> DreamboothError:
        cancelled = False
        if self._task.cancel_on_timeout:
            if known is None:
                result = cancellation.left_running(ended.training_id, "the task's record no longer names it")
            elif known.adopted:
                why = "it was adopted after a lost answer and may be somebody else's"
                result = cancellation.left_running(ended.training_id, why)
            else:
                result = cancellation.cancel(self._hook, ended.training_id, why="the task's timeout is over")
            result.report(self._log)
            cancelled = result.cancelled
            if cancelled and known is not None:
                self._record.end(known, known.ended(Ending.CANCELLED, "the task's timeout was over"))
        text = messages.timed_out(
            ended.training_id,
            waited=self._timeout,
            cancelled_it=cancelled,
            environment_can_cancel=self._hook.environment.has_cancel,
        )
        return DreamboothTrainingTimeoutError(text, training_id=ended.training_id)

    def on_kill(self) -> None:
        """Cancel the training if, and only if, a person marked the task failed while it waits on this worker."""
        if self.waiting_for is None or not self._task.cancel_on_kill:
            return
        now = self._clock()
        known = kill_order.KillFacts(
            task_state=None,
            now=now,
            end_time=self._end_time,
            stalled=self._stalls is not None and self._stalls.stalled(now),
            adopted=self._adopted,
        )
        self._killed = kill_order.cancel_if_marked_failed(
            self._hook, self.waiting_for, self._task_instance, self._task.get_dag(), known
        )
        self._killed.report(self._log)
