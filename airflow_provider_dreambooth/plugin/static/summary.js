/* SPDX-License-Identifier: Apache-2.0 */
// The XComs "training" and "rendering", version 1, read with suspicion: everything in them may come from the service
// or from a user, so every field becomes a text, a time, a list or null, and nothing is ever taken for HTML.

const LONGEST_TEXT = 4000;
const MOST_ITEMS = 200;

export const TRAINING_STATES = ["running", "ready", "failed", "cancelled", "timed_out"];

const text = (value) => {
  if (typeof value === "string" && value !== "") return value.slice(0, LONGEST_TEXT);
  return typeof value === "number" || typeof value === "boolean" ? String(value) : null;
};

const time = (value) => {
  const moment = typeof value === "string" ? Date.parse(value) : NaN;
  return Number.isNaN(moment) ? null : moment;
};

const list = (value) => (Array.isArray(value) ? value.slice(0, MOST_ITEMS) : []);
const texts = (value) => list(value).map(text).filter((item) => item !== null);
const fields = (value) => (value !== null && typeof value === "object" && !Array.isArray(value) ? value : {});

/** A summary that cannot be read, with the reason for a person. */
const unreadable = (why) => ({ unreadable: why });

/** The XCom's value as an object; it may have come as a text. */
function opened(value) {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return null;
  }
}

function versionOne(value, read) {
  const summary = opened(value);
  if (summary === null || typeof summary !== "object" || !("version" in summary)) {
    return unreadable(
      "The summary is not in Airflow's database itself. A custom XCom backend keeps it elsewhere, or something else wrote it.",
    );
  }
  if (summary.version !== 1) {
    return unreadable(
      `The summary has version ${text(summary.version)}, and this page reads version 1. Use one version of the provider on api-server, workers and triggerers.`,
    );
  }
  return read(summary);
}

/** The value of the XCom "training". */
export const readTraining = (value) =>
  versionOne(value, (summary) => {
    const replaced = fields(summary.replaced);
    return {
      id: text(summary.training_id),
      state: text(summary.state) ?? "unknown",
      money: text(summary.money),
      replaced: text(replaced.training_id) && { id: text(replaced.training_id), cancelled: replaced.cancelled === true },
      connection: text(summary.connection),
      service: text(summary.service),
      environment: text(summary.environment),
      method: text(summary.method),
      prompt: text(summary.instance_prompt),
      classPrompt: text(summary.class_prompt),
      trainingType: text(summary.training_type),
      baseModel: text(summary.base_model_id),
      steps: text(summary.max_train_steps),
      parameters: Object.entries(fields(summary.parameters)).slice(0, MOST_ITEMS).map(parameter),
      images: texts(summary.images),
      requestedAt: time(summary.requested_at),
      stages: list(summary.stages)
        .map((stage) => ({ name: text(fields(stage).stage), seenAt: time(fields(stage).seen) }))
        .filter((stage) => stage.name !== null),
      etaAt: time(summary.eta_at),
      endedAt: time(summary.ended_at),
      reason: text(summary.reason),
      nextStep: text(summary.next_step),
    };
  });

const parameter = ([name, value]) => [
  name.slice(0, LONGEST_TEXT),
  text(value) ?? JSON.stringify(value)?.slice(0, LONGEST_TEXT) ?? "",
];

/** The value of the XCom "rendering". */
export const readRendering = (value) =>
  versionOne(value, (summary) => ({
    id: text(summary.request_id),
    state: text(summary.state) ?? "unknown",
    money: text(summary.money),
    connection: text(summary.connection),
    service: text(summary.service),
    inferenceApi: text(summary.inference_api),
    model: text(summary.model_id),
    lora: text(summary.lora_model),
    prompt: text(summary.prompt),
    negativePrompt: text(summary.negative_prompt),
    seed: text(summary.seed),
    images: texts(summary.images),
    files: texts(summary.files),
    requestedAt: time(summary.requested_at),
    endedAt: time(summary.ended_at),
    reason: text(summary.reason),
    nextStep: text(summary.next_step),
  }));

/** Whether it is one that the sensor wrote, which knows the state and few facts. */
export const isWatchers = (training) => training.money === null;

/**
 * Put together what several tasks of one run wrote about the same training.
 *
 * One that has ended knows more than one that runs; facts come from whoever has them.
 */
export function merged(trainings) {
  const furthest = trainings.toSorted((a, b) => rank(b) - rank(a) || b.stages.length - a.stages.length);
  const result = { ...furthest[0] };
  for (const other of furthest.slice(1)) {
    for (const [name, value] of Object.entries(other)) {
      const empty = result[name] === null || result[name].length === 0;
      if (empty && !["reason", "nextStep", "endedAt", "etaAt"].includes(name)) result[name] = value;
    }
    if (other.requestedAt !== null) result.requestedAt = Math.min(result.requestedAt ?? Infinity, other.requestedAt);
  }
  return result;
}

const rank = (training) => (training.state === "running" ? 0 : 1);
