/* SPDX-License-Identifier: Apache-2.0 */
// Airflow's public REST API, asked with the session cookie of whoever is signed in: Airflow decides what they may read.

/** What went wrong, in a word: "session", "permission", "missing", "unreachable" or "server". */
export class Problem extends Error {
  constructor(kind, message) {
    super(message);
    this.kind = kind;
  }
}

const KINDS = { 401: "session", 403: "permission", 404: "missing" };

/** The pages lie one folder below Airflow's root, wherever a base path puts that. */
const API = new URL("../api/v2/", document.baseURI);
const ROOT = new URL("../", document.baseURI);

const joined = (segments) => segments.map(encodeURIComponent).join("/");

/**
 * Ask for one resource.
 * @param {string[]} segments of the path below /api/v2/, as they are.
 * @param {Object} query values, or lists of values; null and "" are left out.
 */
export async function get(segments, query = {}) {
  const url = new URL(joined(segments), API);
  for (const [name, values] of Object.entries(query)) {
    for (const value of [values].flat()) {
      if (value !== null && value !== undefined && value !== "") url.searchParams.append(name, value);
    }
  }
  let answer;
  try {
    answer = await fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
  } catch {
    throw new Problem("unreachable", "Airflow does not answer.");
  }
  if (!answer.ok) throw new Problem(KINDS[answer.status] ?? "server", `Airflow answered with HTTP ${answer.status}.`);
  return answer.json();
}

/** The same, but null where there is no such thing. */
export async function getOrNull(segments, query) {
  try {
    return await get(segments, query);
  } catch (problem) {
    if (problem.kind === "missing") return null;
    throw problem;
  }
}

const taskSegments = ({ dagId, runId, taskId }) => ["dags", dagId, "dagRuns", runId, "taskInstances", taskId];

/** The task instance itself; null when there is none. */
export function taskInstance(place) {
  const mapped = place.mapIndex >= 0 ? [String(place.mapIndex)] : [];
  return getOrNull([...taskSegments(place), ...mapped]);
}

/** One XCom's value; undefined when there is none. */
export async function xcom(place, key) {
  const query = { map_index: place.mapIndex, deserialize: true };
  const entry = await getOrNull([...taskSegments(place), "xcomEntries", key], query);
  return entry === null ? undefined : entry.value;
}

/** Address of a page of Airflow's UI. */
export function uiAddress(...segments) {
  return new URL(joined(segments), ROOT).href;
}

/** Address of a task instance in Airflow's UI, with one of our tabs open if named. */
export function taskAddress({ dagId, runId, taskId, mapIndex }, tab) {
  const mapped = mapIndex >= 0 ? ["mapped", String(mapIndex)] : [];
  return uiAddress("dags", dagId, "runs", runId, "tasks", taskId, ...mapped, ...(tab ? ["plugin", tab] : []));
}

/** States of a task instance in which it may still change by itself. */
export const LIVE_STATES = [
  "running",
  "deferred",
  "queued",
  "scheduled",
  "restarting",
  "up_for_retry",
  "up_for_reschedule",
];

/** Whether a task instance may still change by itself; one without a state waits for those before it. */
export const isLive = (task) => task !== null && (task.state === null || LIVE_STATES.includes(task.state));

/** Whether a run may still start tasks; then a training without a live task may be followed in a moment. */
export async function isRunLive({ dagId, runId }) {
  const run = await getOrNull(["dags", dagId, "dagRuns", runId]);
  return run !== null && (run.state === "running" || run.state === "queued");
}
