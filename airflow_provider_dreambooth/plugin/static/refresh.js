/* SPDX-License-Identifier: Apache-2.0 */
// Reading again and again, for as long as there is something to see.

import { clockTime } from "./clock.js";
import { make, notice } from "./elements.js";

const EVERY = 4000;
const SLOWEST = 60000;

/**
 * Read now, again while something runs, and when the tab is shown again. Nothing is asked while it is hidden.
 *
 * @param {function(AbortSignal): Promise<number>} read shows what there is. 0 where nothing runs; 1 to read again after
 *   the usual time, more to wait longer. The signal says that the answer is no longer wanted.
 * @param {HTMLElement} trouble is filled with what is wrong, and emptied.
 * @param {HTMLElement} status is told when Airflow was last asked, and what comes next.
 * @returns {function(): void} reads at once.
 */
export function keepFresh(read, trouble, status) {
  let timer;
  let reading = null;
  let wanted = false;
  let failures = 0;

  async function once() {
    let wait = null;
    try {
      const pace = await read(reading.signal);
      if (reading.signal.aborted) return null;
      failures = 0;
      trouble.replaceChildren();
      if (pace > 0) wait = EVERY * pace;
      const next = pace > 0 ? `again every ${wait / 1000} s` : "nothing runs";
      status.replaceChildren(`Read at ${clockTime(Date.now())}, ${next}`);
    } catch (problem) {
      // What may pass by itself is tried again, ever more slowly; what only a person can change is not.
      if (problem.kind === "unreachable" || problem.kind === "server") {
        wait = Math.min(SLOWEST, EVERY * 2 ** failures);
        failures += 1;
      }
      trouble.replaceChildren(problemNotice(problem, wait));
      status.replaceChildren();
    }
    return wait;
  }

  async function now() {
    clearTimeout(timer);
    wanted = true;
    reading?.abort();
    if (reading !== null) return;
    let wait = null;
    while (wanted) {
      wanted = false;
      reading = new AbortController();
      wait = await once();
    }
    reading = null;
    if (wait !== null && !document.hidden) timer = setTimeout(now, wait);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer);
    else now();
  });
  now();
  return now;
}

/** What keeps the page from showing more, and what to do about it. */
function problemNotice(problem, wait) {
  switch (problem.kind) {
    case "session":
      return notice(
        "warning",
        "Your session has ended",
        make("p", {}, "Reload the page and sign in again. What is shown here may be out of date."),
      );
    case "permission":
      return notice(
        "warning",
        "You may not read this",
        make("p", {}, "This page reads task instances and XComs with your own permissions. Ask your Airflow administrator for read access to them."),
      );
    case "unreachable":
    case "server":
      return notice("error", problem.message, make("p", {}, `What is shown here may be out of date. Next attempt in ${wait / 1000} s.`));
    case "missing":
      return notice("warning", "Airflow does not know this", make("p", {}, "The DAG, its run or the task is no longer there."));
    default:
      console.error(problem);
      return notice("error", "This page failed", make("p", {}, String(problem)));
  }
}
