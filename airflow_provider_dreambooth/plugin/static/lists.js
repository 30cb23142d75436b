/* SPDX-License-Identifier: Apache-2.0 */
// Lists of trainings, paged by Airflow. A list names task instances; what a training is made of lies in its XCom.

import { get, getOrNull, LIVE_STATES } from "./airflow.js";
import { placeIn } from "./siblings.js";

/** Airflow's names of the operators whose tasks have a training. A subclass is found by its XCom alone. */
const OPERATORS = ["DreamboothFineTuneOperator", "DreamboothFineTuneSensor", "DreamboothTrainerOperator"];
const ALL_TASKS = ["dags", "~", "dagRuns", "~", "taskInstances"];

/** In which states Airflow may hold a task whose training is in this state; one that never began has none. */
const TASK_STATES = {
  "": [...LIVE_STATES, "success", "failed", "skipped"],
  running: LIVE_STATES,
  ready: ["success"],
  failed: ["failed", "skipped", "up_for_retry"],
  cancelled: ["failed", "skipped", "success"],
  timed_out: ["failed", "skipped", "up_for_retry"],
};

/**
 * What this Airflow can do: below 3.3, XComs are not sorted by age, and the tasks of all DAGs not filtered by a part
 * of the DAG's id.
 */
export async function abilities() {
  const { version } = await get(["version"]);
  const [major, minor] = version.split(".").map(Number);
  return { modern: major > 3 || (major === 3 && minor >= 3) };
}

/**
 * A list: ask it for a page of items {place, stamp}.
 *
 * The stamp is different after each change of the XCom, and null while it may change at any time.
 * @param {{modern: boolean}} able
 * @param {{dag: string, state: string}} wish empty for all.
 */
export function listFor(able, { dag, state }) {
  if (state !== "" || !able.modern) return tasks(able, dag, TASK_STATES[state]);
  return xcoms(dag);
}

/** Tasks that still run or wait, newest first. */
export const runningTasks = (able, dag) => tasks(able, dag, LIVE_STATES);

function xcoms(dag) {
  return async (offset, limit) => {
    const answer = await get([...ALL_TASKS, "~", "xcomEntries"], {
      xcom_key: "training",
      dag_display_name_pattern: dag,
      // Newest run first; what belongs to one training lies side by side.
      order_by: ["-run_after", "dag_id", "run_id", "map_index", "task_id"],
      limit,
      offset,
    });
    const items = answer.xcom_entries.map((entry) => ({ place: placeIn(entry), stamp: entry.timestamp, task: undefined }));
    return { items, total: answer.total_entries };
  };
}

function tasks(able, dag, states) {
  const segments = able.modern || dag === "" ? ALL_TASKS : ["dags", dag, ...ALL_TASKS.slice(2)];
  return async (offset, limit) => {
    const answer = await getOrNull(segments, {
      dag_id_pattern: able.modern ? dag : "",
      operator: OPERATORS,
      state: states,
      order_by: ["-run_after", "map_index", "id"],
      limit,
      offset,
    });
    if (answer === null) return { items: [], total: 0 };
    const items = answer.task_instances.map((task) => {
      const ended = !LIVE_STATES.includes(task.state);
      return { place: placeIn(task), stamp: ended ? `${task.try_number} ${task.end_date}` : null, task };
    });
    return { items, total: answer.total_entries };
  };
}

/** How many trainings belong to runs since a moment: each leaves one XCom with its id, its sensor none. */
export async function countSince(moment, dag) {
  const answer = await get([...ALL_TASKS, "~", "xcomEntries"], {
    xcom_key: "training_id",
    dag_display_name_pattern: dag,
    run_after_gte: new Date(moment).toISOString(),
    limit: 1,
  });
  return answer.total_entries;
}

/**
 * The cap of a connection.
 * @returns {Promise<string>} a sentence for a person; what cannot be read is said.
 */
export async function capWords(connection) {
  let extra;
  try {
    ({ extra } = await get(["connections", connection]));
  } catch (problem) {
    if (problem.kind === "permission") return "you may not read connections";
    if (problem.kind === "missing") return "not in Airflow's database, so it cannot be read here";
    throw problem;
  }
  try {
    const cap = JSON.parse(extra || "{}")?.max_trainings_per_day;
    return cap === null || cap === undefined || cap === "" ? "no cap" : `at most ${cap} in 24 hours`;
  } catch {
    return "its extra is not JSON";
  }
}
