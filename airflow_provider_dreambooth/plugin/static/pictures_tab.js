/* SPDX-License-Identifier: Apache-2.0 */
// The tab "Pictures" of a rendering task: the images themselves, and what they were rendered from.

import { get, isLive, taskAddress, taskInstance, uiAddress, xcom } from "./airflow.js";
import { dayTime, fullTime, span } from "./clock.js";
import { badge, bar, facts, innerLink, make, notice, outerLink, picture, safeAddress } from "./elements.js";
import { settleIn } from "./frame.js";
import { placeOf } from "./place.js";
import { keepFresh } from "./refresh.js";
import { placeIn } from "./siblings.js";
import { readRendering, readTraining } from "./summary.js";
import { Viewer } from "./viewer.js";

settleIn();
const content = document.getElementById("content");
const viewer = new Viewer(document.getElementById("viewer"));
const place = placeOf(location.search);
let shown = null;
let trainingTask = null;

const MONEY = {
  accepted: "Billed: the service accepted this rendering.",
  "re-attached": "Not billed again: the task re-attached to the rendering that it had started.",
};

function show(found, draw) {
  const state = JSON.stringify(found);
  if (state === shown) return;
  shown = state;
  content.replaceChildren(draw());
}

async function read() {
  const [task, value] = await Promise.all([taskInstance(place), xcom(place, "rendering")]);
  const live = isLive(task);
  const rendering = value === undefined ? null : readRendering(value);
  if (rendering === null) {
    show([task?.state], () => nothing(task));
    return live ? 1 : 0;
  }
  if (rendering.unreadable) {
    show(rendering, () => notice("warning", "This rendering cannot be shown", make("p", {}, rendering.unreadable)));
    return 0;
  }
  trainingTask ??= await taskThatTrained(rendering);
  show([rendering, live, trainingTask], () => renderingView(rendering, live));
  return live ? 1 : 0;
}

/** The task of this run whose training became the model; null when another run or nobody of Airflow's trained it. */
async function taskThatTrained({ model, lora }) {
  const { dagId, runId } = place;
  const wanted = [model, ...(lora ?? "").split(",")].filter(Boolean);
  const segments = ["dags", dagId, "dagRuns", runId, "taskInstances", "~", "xcomEntries"];
  const list = await get(segments, { xcom_key: "training", limit: 100 });
  const near = list.xcom_entries.toSorted((a, b) => (b.map_index === place.mapIndex) - (a.map_index === place.mapIndex));
  for (const entry of near.slice(0, 25)) {
    const training = readTraining(await xcom(placeIn(entry), "training"));
    if (wanted.includes(training.id)) return placeIn(entry);
  }
  return null;
}

function nothing(task) {
  const list = innerLink(uiAddress("plugin", "dreambooth"), "All trainings");
  if (task === null) return notice("info", "Airflow has no such task instance", make("p", {}, list));
  if (!/TextToImage/.test(task.operator ?? "")) {
    return notice("info", "This task has no images", make("p", {}, `Its operator is ${task.operator ?? "unknown"}. `, list));
  }
  if (isLive(task)) return notice("info", "No images yet", make("p", {}, "They show here as soon as the service has rendered them."));
  return notice("info", "No images", make("p", {}, `The task is ${task.state}, and no rendering is recorded for this try. Its log says why.`));
}

function renderingView(rendering, live) {
  const { prompt, state, requestedAt, endedAt } = rendering;
  const took = requestedAt !== null && endedAt !== null ? span(endedAt - requestedAt) : null;
  return make(
    "article",
    {},
    make("header", {}, make("h1", {}, prompt ?? "Rendering"), badge(state), took && make("span.quiet", {}, `in ${took}`)),
    state === "processing" && live ? make("div.progress", {}, bar(null, "The service is rendering"), make("span", {}, "The service is rendering")) : null,
    whatIsWrong(rendering),
    pictures(rendering),
    make("section", {}, make("h2", {}, "Rendering"), renderingFacts(rendering)),
  );
}

function whatIsWrong({ state, reason, nextStep }) {
  if (reason === null && nextStep === null) return null;
  const title = state === "failed" ? "The rendering failed" : state === "timed_out" ? "Waiting ended before the rendering did" : "Something needs your attention";
  return notice(
    state === "failed" || state === "timed_out" ? "error" : "warning",
    title,
    reason && make("p", {}, reason),
    nextStep && make("p.next", {}, make("strong", {}, "Next: "), nextStep),
  );
}

function pictures({ images, prompt }) {
  if (images.length === 0) return null;
  const large = images.filter((address) => safeAddress(address) !== null);
  const items = images.map((address, position) => {
    const words = `Image ${position + 1}: ${prompt ?? ""}`;
    if (safeAddress(address) === null) return make("li", {}, picture(address, words));
    const button = make("button.picture", { type: "button", "aria-label": `Enlarge image ${position + 1}` }, picture(address, words));
    button.addEventListener("click", () => viewer.open(large, large.indexOf(address), prompt ?? ""));
    return make("li", {}, button);
  });
  return make("ul.pictures", {}, ...items);
}

function renderingFacts(rendering) {
  const code = (value) => value && make("code", {}, value);
  const moment = (time) => (time === null ? null : make("time", { title: fullTime(time) }, dayTime(time)));
  return facts([
    ["Prompt", rendering.prompt],
    ["Negative prompt", rendering.negativePrompt],
    ["Seed", code(rendering.seed)],
    ["Model", code(rendering.model)],
    ["LoRA model", code(rendering.lora)],
    ["Training", trainingTask && innerLink(taskAddress(trainingTask, "dreambooth-training"), trainingTask.taskId)],
    ["Money", rendering.money && (MONEY[rendering.money] ?? rendering.money)],
    ["Requested", moment(rendering.requestedAt)],
    ["Ended", moment(rendering.endedAt)],
    ["Request id", code(rendering.id)],
    ["Files", rendering.files.length ? make("ul.plain", {}, ...rendering.files.map((file) => make("li", {}, code(file)))) : null],
    ["Connection", code(rendering.connection)],
    ["Service", rendering.service && outerLink(rendering.service)],
    ["API", rendering.inferenceApi],
  ]);
}

const refresh = keepFresh(read, document.getElementById("trouble"), document.getElementById("status"));
document.getElementById("refresh").addEventListener("click", refresh);
