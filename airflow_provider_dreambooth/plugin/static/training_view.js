/* SPDX-License-Identifier: Apache-2.0 */
// One training as a person looks at it: stage by stage, with what it is made of and what became of the money.

import { clockTime, dayTime, fullTime, progress, span } from "./clock.js";
import { badge, bar, facts, make, notice, outerLink, picture } from "./elements.js";

/** The documented order, for what is still to come. */
const STAGES = [
  "deploying_gpu",
  "training_started",
  "training_success",
  "trained_model_compressing",
  "trained_model_uploading",
  "trained_model_uploaded",
  "deploying_model",
  "model_ready",
];

const MONEY = {
  accepted: "Paid: the service accepted this training.",
  "re-attached": "Not paid again: the task re-attached to the training that it had started.",
  reused: "Not paid again: the inputs are the same, so the earlier training is reused.",
  adopted: "Paid once: the answer to the submission was lost, and the training was found in the account.",
};

/** What became of the money, in a sentence. */
export function moneyWords(training) {
  const words = [training.money === null ? null : (MONEY[training.money] ?? training.money)];
  if (training.replaced !== null) {
    const fate = training.replaced.cancelled ? "which was cancelled" : "which was not cancelled";
    words.push(`It replaces training ${training.replaced.id}, ${fate}.`);
  }
  if (training.state === "cancelled") words.push("The training was cancelled.");
  return words.filter((word) => word !== null).join(" ");
}

const readable = (stage) => stage.replaceAll("_", " ");

/** The time line: what was seen, what is still to come. */
function timeline(training, watched) {
  const running = training.state === "running";
  const { stages } = training;
  const items = stages.map((stage, position) => {
    const last = position === stages.length - 1;
    const until = last ? (running ? null : training.endedAt) : stages[position + 1].seenAt;
    const lasted = until !== null && stage.seenAt !== null && until > stage.seenAt ? span(until - stage.seenAt) : "";
    const mark = last ? (running ? "now" : training.state) : "done";
    const seen = stage.seenAt === null ? "" : make("time", { title: fullTime(stage.seenAt) }, clockTime(stage.seenAt));
    return make(
      "li",
      { "data-mark": mark, "aria-current": last && running ? "step" : null },
      make("span.stage", {}, readable(stage.name)),
      seen,
      make("span.lasted", {}, lasted),
    );
  });
  if (running && watched) items.push(...upcoming(stages).map((name) => make("li", { "data-mark": "next" }, make("span.stage", {}, readable(name)))));
  if (items.length === 0) return make("p.quiet", {}, "No stage has been seen yet.");
  return make("ol.timeline", { "aria-label": "Stages, each with the time at which it was first seen" }, ...items);
}

function upcoming(stages) {
  if (stages.length === 0) return STAGES;
  const position = STAGES.indexOf(stages.at(-1).name);
  return position < 0 ? [] : STAGES.slice(position + 1);
}

function gallery(training) {
  if (training.images.length === 0) return null;
  const items = training.images.map((address, position) => {
    const link = outerLink(address, "");
    link.append(picture(address, `Training image ${position + 1}`));
    return make("li", {}, link);
  });
  return make("section", {}, make("h2", {}, `Training images (${items.length})`), make("ul.thumbnails", {}, ...items));
}

function whatIsWrong(training) {
  if (training.reason === null && training.nextStep === null) return null;
  const kind = training.state === "failed" || training.state === "timed_out" ? "error" : "warning";
  const titles = { failed: "The training failed", timed_out: "Waiting ended before the training did", cancelled: "The training was cancelled" };
  return notice(
    kind,
    titles[training.state] ?? "Something needs your attention",
    training.reason === null ? null : make("p", {}, training.reason),
    training.nextStep === null ? null : make("p.next", {}, make("strong", {}, "Next: "), training.nextStep),
  );
}

/** The line with the bar, for {@link tick} to move. */
function progressLine() {
  return make("div.progress", { "data-progress": true });
}

/**
 * Draw a training.
 * @param {Object} training from summary.js.
 * @param {boolean} watched whether a task still follows it.
 */
export function trainingView(training, watched) {
  const running = training.state === "running";
  const took = training.endedAt !== null && training.requestedAt !== null ? span(training.endedAt - training.requestedAt) : null;
  return make(
    "article.training",
    {},
    make(
      "header",
      {},
      make("h1", {}, training.prompt ?? `Training ${training.id ?? "without an id"}`),
      badge(running && !watched ? "unwatched" : training.state),
      took && make("span.quiet", {}, `in ${took}`),
    ),
    running && watched ? progressLine() : null,
    running && !watched
      ? notice("info", "No task follows this training any more", make("p", {}, "What is shown is what was last known. DreamboothFineTuneSensor, or wait_for_completion=True, follows a training to its end."))
      : null,
    whatIsWrong(training),
    make(
      "div.columns",
      {},
      make("section", {}, make("h2", {}, "Stages"), timeline(training, watched)),
      make("section", {}, make("h2", {}, "Training"), trainingFacts(training)),
    ),
    gallery(training),
  );
}

function trainingFacts(training) {
  const moment = (time) => (time === null ? null : make("time", { title: fullTime(time) }, dayTime(time)));
  return facts([
    ["Training id", training.id && make("code", {}, training.id)],
    ["Money", moneyWords(training)],
    ["Instance prompt", training.prompt],
    ["Class prompt", training.classPrompt],
    ["Requested", moment(training.requestedAt)],
    ["Ended", moment(training.endedAt)],
    ["Method", training.method && make("code", {}, training.method)],
    ["Training type", training.trainingType],
    ["Base model", training.baseModel && make("code", {}, training.baseModel)],
    ["Steps", training.steps],
    ...training.parameters.map(([name, value]) => [name, make("code", {}, value)]),
    ["Connection", training.connection && make("code", {}, training.connection)],
    ["Service", training.service && outerLink(training.service)],
    ["Environment", training.environment],
  ]);
}

/** Move the bar and the time left, which pass between two readings. */
export function tick(root, training) {
  const line = root.querySelector("[data-progress]");
  if (line === null) return;
  const { fraction, words } = progress(training);
  const ready = training.etaAt !== null && training.etaAt > Date.now() ? `, ready around ${clockTime(training.etaAt).slice(0, 5)}` : "";
  const known = line.querySelector("progress");
  const sentence = `${words}${ready}`;
  if (known === null || (fraction === null) !== !known.hasAttribute("value")) {
    line.replaceChildren(bar(fraction, sentence), make("span", {}, sentence));
    return;
  }
  if (fraction !== null) known.value = Math.round(fraction * 1000) / 10;
  line.querySelector("span").textContent = sentence;
}
