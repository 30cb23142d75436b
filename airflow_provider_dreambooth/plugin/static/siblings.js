/* SPDX-License-Identifier: Apache-2.0 */
// The tasks of one run that wrote about the same training: the operator knows what it is made of, the sensor how it ends.

import { get, isLive, isRunLive, taskInstance, xcom } from "./airflow.js";
import { placeKey } from "./place.js";
import { isWatchers, merged, readTraining } from "./summary.js";

/** A row of Airflow's list of XComs or of task instances, as a place. */
export const placeIn = (entry) => ({
  dagId: entry.dag_id,
  runId: entry.run_id ?? entry.dag_run_id,
  taskId: entry.task_id,
  mapIndex: entry.map_index,
});

/** Whether a second task of the run may know what this one does not. */
export function needsSiblings(training, live) {
  if (training.unreadable) return false;
  return isWatchers(training) || (training.state === "running" && !live);
}

/**
 * Find what other tasks of the run wrote about the same training.
 * @returns {Promise<Object[]>} each with place and training.
 */
export async function siblingsOf(place, training, read = readAt) {
  const list = await get(["dags", place.dagId, "dagRuns", place.runId, "taskInstances", "~", "xcomEntries"], {
    xcom_key: "training",
    map_index: place.mapIndex,
    limit: 100,
  });
  const others = list.xcom_entries.filter((entry) => placeKey(placeIn(entry)) !== placeKey(place));
  const found = await Promise.all(others.map(async (entry) => ({ place: placeIn(entry), training: await read(placeIn(entry), entry.timestamp) })));
  return found.filter((other) => other.training && !other.training.unreadable && other.training.id === training.id);
}

async function readAt(place) {
  const value = await xcom(place, "training");
  return value === undefined ? null : readTraining(value);
}

/**
 * Read all that is known of a task's training.
 * @returns {Promise<{task: Object|null, training: Object|null, watched: boolean}>}
 */
export async function trainingOf(place) {
  const [task, own] = await Promise.all([taskInstance(place), readAt(place)]);
  const live = isLive(task);
  if (own === null || !needsSiblings(own, live)) return { task, training: own, watched: live };
  const [others, runLive] = await Promise.all([siblingsOf(place, own), isRunLive(place)]);
  return { task, training: merged([own, ...others.map((other) => other.training)]), watched: live || runLive };
}
