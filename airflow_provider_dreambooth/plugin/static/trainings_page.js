/* SPDX-License-Identifier: Apache-2.0 */
// The page "Dreambooth": all trainings that the reader may see.

import { taskAddress, uiAddress } from "./airflow.js";
import { dayTime, fullTime, periods, progress, span } from "./clock.js";
import { badge, bar, innerLink, make, notice, picture } from "./elements.js";
import { settleIn } from "./frame.js";
import { abilities, capWords, countSince, listFor, runningTasks } from "./lists.js";
import { keepFresh } from "./refresh.js";
import { always, find, PAGE, RowReader, Values } from "./rows.js";
import { TRAINING_STATES } from "./summary.js";

const MOST_RUNNING = 100;
const COUNTS_KEPT = 60000;

settleIn();
const element = (id) => document.getElementById(id);
const form = element("filters");
const reader = new RowReader();
const numbers = new Values();
let able = null;
let offsets = [0];
let next = null;
let drawn = "";
let rowsShown = [];

/** What the reader asks for, from the address when the page opens. */
function wishFromAddress() {
  const known = new URLSearchParams(location.search);
  for (const name of ["dag", "state", "subject"]) form.elements[name].value = known.get(name) ?? "";
  if (!TRAINING_STATES.includes(form.elements.state.value)) form.elements.state.value = "";
}

function wish() {
  const [dag, state, subject] = ["dag", "state", "subject"].map((name) => form.elements[name].value.trim());
  return { dag, state, subject };
}

const contains = (text, part) => (text ?? "").toLowerCase().includes(part.toLowerCase());

/** Whether a row is asked for; null where the list itself has only such. */
function fitting({ state, subject }) {
  if (state === "" && subject === "") return null;
  return ({ training }) => {
    const now = training === null ? "running" : training.state;
    return (state === "" || now === state) && (subject === "" || contains(training?.prompt, subject));
  };
}

async function read(signal) {
  able ??= await abilities();
  const asked = wish();
  const offset = offsets.at(-1);
  const fits = fitting(asked);
  const live = await liveRows(asked, fits);
  let pages = 0;
  const tell = (found) => {
    pages += 1;
    next = found.next;
    const first = offsets.length === 1;
    rowsShown = [...(first ? live : []), ...found.rows].toSorted((a, b) => Number(b.watched) - Number(a.watched));
    const looked = (found.next ?? found.total) - offset;
    element("searched").textContent = fits === null || found.total === 0 ? "" : `Looked through ${looked} of ${found.total}`;
    draw(asked, found);
  };
  await find(listFor(able, asked), offset, fits, { reader, live, signal, tell });
  if (signal.aborted) return 0;
  await drawNumbers(asked);
  // A search through many pages is repeated less often.
  return rowsShown.some((row) => row.watched) ? pages : 0;
}

/** Trainings that run now; on top of the first page. */
async function liveRows(asked, fits) {
  if (asked.state !== "") return [];
  const { items } = await runningTasks(able, asked.dag)(0, MOST_RUNNING);
  const rows = await reader.rows(items);
  return rows.filter((row) => fits === null || fits(row));
}

function draw(asked, found) {
  const pages = Math.max(1, Math.ceil(found.total / PAGE));
  const state = JSON.stringify([rowsShown, found.total, offsets, next, found.done]);
  element("newer").disabled = offsets.length === 1;
  element("older").disabled = next === null || !found.done;
  element("page").textContent = asked.state === "" && asked.subject === "" ? `Page ${offsets.length} of ${pages}` : `Page ${offsets.length}`;
  if (state === drawn) return;
  drawn = state;
  element("content").replaceChildren(rowsShown.length === 0 ? nothing(asked, found.done) : table());
  tickAll();
}

function nothing({ dag, state, subject }, done) {
  if (!done) return make("p.quiet", {}, "Nothing found yet …");
  if (next !== null) return notice("info", "Nothing found so far", make("p", {}, "Go on with “Older” to look through older trainings."));
  if (dag !== "" || state !== "" || subject !== "") return notice("info", "No training fits these filters");
  return notice(
    "info",
    "No training yet",
    make("p", {}, "A task with DreamboothFineTuneOperator shows here as soon as it has started a training. Only trainings of DAGs that you may read are shown."),
  );
}

function table() {
  const head = ["State", "Subject and model id", "DAG and run", "Connection", "Requested", "Duration"];
  return make(
    "table.trainings",
    {},
    make("thead", {}, make("tr", {}, ...head.map((name) => make("th", { scope: "col" }, name)))),
    make("tbody", {}, ...rowsShown.map(tableRow)),
  );
}

function tableRow(row, position) {
  const { place, training } = row;
  const state = stateOf(row);
  const mapped = place.mapIndex >= 0 ? ` [${place.mapIndex}]` : "";
  const cells = [
    ["State", badge(state), state === "running" ? make("div.progress", { "data-row": position }) : null],
    ["Subject", subject(row)],
    [
      "DAG and run",
      innerLink(uiAddress("dags", place.dagId), place.dagId),
      innerLink(uiAddress("dags", place.dagId, "runs", place.runId), `${place.runId}${mapped}`, { class: "quiet" }),
    ],
    ["Connection", training?.connection ?? ""],
    ["Requested", training?.requestedAt ? make("time", { title: fullTime(training.requestedAt) }, dayTime(training.requestedAt)) : ""],
    ["Duration", make("span", { "data-duration": position }, duration(training))],
  ];
  return make("tr", { "data-state": state }, ...cells.map(([label, ...content]) => make("td", { "data-label": label }, ...content)));
}

function stateOf({ training, watched }) {
  if (training === null) return "starting";
  if (training.unreadable) return "unreadable";
  return training.state === "running" && !watched ? "unwatched" : training.state;
}

function subject({ place, training }) {
  const address = taskAddress(place, "dreambooth-training");
  const words = training?.prompt ?? (training === null ? "No training yet" : (training.unreadable ?? "Unknown subject"));
  return make(
    "div.subject",
    {},
    training?.images?.length ? picture(training.images[0], "") : make("span.no-picture", {}),
    make("div", {}, innerLink(address, words), training?.id ? make("code", {}, training.id) : null, training?.reason ? make("p.reason", {}, training.reason) : null),
  );
}

function duration(training, now = Date.now()) {
  if (!training?.requestedAt) return "";
  if (training.endedAt) return span(training.endedAt - training.requestedAt);
  return training.state === "running" ? span(now - training.requestedAt) : "";
}

/** Move what moves between two readings. */
function tickAll() {
  for (const place of document.querySelectorAll("[data-row]")) {
    const { fraction, words } = progress(rowsShown[place.dataset.row].training);
    place.replaceChildren(bar(fraction, words), make("span.quiet", {}, words));
  }
  for (const place of document.querySelectorAll("[data-duration]")) {
    const row = rowsShown[place.dataset.duration];
    if (stateOf(row) === "running") place.textContent = duration(row.training);
    else if (stateOf(row) === "unwatched") place.textContent = "";
  }
}

/** Trainings of today, this week and this month, beside the caps of the connections on this page. */
async function drawNumbers({ dag }) {
  const since = periods();
  const minute = Math.floor(Date.now() / COUNTS_KEPT);
  const counts = await Promise.all(
    Object.entries({ Today: since.today, "This week": since.week, "This month": since.month }).map(async ([name, moment]) => {
      const count = await numbers.get(`${dag} ${moment} ${minute}`, always, () => countSince(moment, dag));
      return make("div", {}, make("dt", {}, name), make("dd", {}, count.toLocaleString("en")));
    }),
  );
  const connections = [...new Set(rowsShown.map((row) => row.training?.connection).filter(Boolean))].slice(0, 5);
  const caps = await Promise.all(
    connections.map(async (name) => {
      const words = await numbers.get(`cap ${name} ${minute}`, always, () => capWords(name));
      return make("div.cap", {}, make("dt", {}, "Cap of ", make("code", {}, name)), make("dd", {}, words));
    }),
  );
  element("numbers").replaceChildren(...counts, ...caps);
}

for (const state of TRAINING_STATES) form.elements.state.append(make("option", { value: state }, badge(state).textContent));
wishFromAddress();
const refresh = keepFresh(read, element("trouble"), element("status"));

function restart() {
  offsets = [0];
  const query = new URLSearchParams(Object.entries(wish()).filter(([, value]) => value !== ""));
  history.replaceState(null, "", `?${query}`);
  refresh();
}

let typing;
form.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(restart, 400);
});
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(restart));
element("refresh").addEventListener("click", refresh);
element("older").addEventListener("click", () => {
  if (next !== null) offsets.push(next);
  refresh();
});
element("newer").addEventListener("click", () => {
  if (offsets.length > 1) offsets.pop();
  refresh();
});
setInterval(() => {
  if (!document.hidden) tickAll();
}, 1000);
