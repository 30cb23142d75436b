/* SPDX-License-Identifier: Apache-2.0 */
// The tab "Training" of a task instance.

import { isLive, uiAddress } from "./airflow.js";
import { innerLink, make, notice } from "./elements.js";
import { settleIn } from "./frame.js";
import { placeOf } from "./place.js";
import { keepFresh } from "./refresh.js";
import { trainingOf } from "./siblings.js";
import { tick, trainingView } from "./training_view.js";

settleIn();
const content = document.getElementById("content");
const place = placeOf(location.search);
let shown = null;
let training = null;

/** Draw again only what is different: a reader's place and selection stay. */
function show(found, draw) {
  const state = JSON.stringify(found);
  if (state === shown) return;
  shown = state;
  content.replaceChildren(draw());
}

async function read() {
  const { task, training: found, watched } = await trainingOf(place);
  training = found;
  if (found === null) {
    show([task?.state, task?.operator], () => nothing(task));
    return isLive(task) ? 1 : 0;
  }
  if (found.unreadable) {
    show(found, () => notice("warning", "This training cannot be shown", make("p", {}, found.unreadable)));
    return 0;
  }
  show([found, watched], () => trainingView(found, watched));
  tick(content, found);
  return watched ? 1 : 0;
}

/** Why there is no training to show. */
function nothing(task) {
  const list = innerLink(uiAddress("plugin", "dreambooth"), "All trainings");
  if (task === null) return notice("info", "Airflow has no such task instance", make("p", {}, list));
  if (!/dreambooth/i.test(task.operator ?? "") || /TextToImage/.test(task.operator)) {
    return notice("info", "This task has no training", make("p", {}, `Its operator is ${task.operator ?? "unknown"}. `, list));
  }
  if (isLive(task)) return notice("info", "No training yet", make("p", {}, "It shows here as soon as the service has accepted one."));
  return notice("info", "No training", make("p", {}, `The task is ${task.state}, and no training is recorded for this try. Its log says why. `, list));
}

const refresh = keepFresh(read, document.getElementById("trouble"), document.getElementById("status"));
document.getElementById("refresh").addEventListener("click", refresh);
setInterval(() => {
  if (!document.hidden && training !== null) tick(content, training);
}, 1000);
