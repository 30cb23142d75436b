/* SPDX-License-Identifier: Apache-2.0 */
// Which task instance a tab is about.

/**
 * Read the address that Airflow's UI filled in.
 *
 * By hand, since Airflow 3.1 fills in ids as they are and newer versions encode them: a "+" is a plus in both.
 * @param {string} search such as "?dag_id=…&run_id=…&task_id=…&map_index=…".
 */
export function placeOf(search) {
  const values = {};
  for (const part of search.replace(/^\?/, "").split("&")) {
    const [name, ...rest] = part.split("=");
    values[name] = decoded(rest.join("="));
  }
  // Where the task is not mapped, the placeholder stays as it is.
  const mapIndex = /^\d+$/.test(values.map_index ?? "") ? Number(values.map_index) : -1;
  return { dagId: values.dag_id ?? "", runId: values.run_id ?? "", taskId: values.task_id ?? "", mapIndex };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** One text for one task instance. */
export const placeKey = ({ dagId, runId, taskId, mapIndex }) => JSON.stringify([dagId, runId, taskId, mapIndex]);
