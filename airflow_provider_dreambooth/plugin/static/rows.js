/* SPDX-License-Identifier: Apache-2.0 */
// From a list to rows: one for each training, with all that its tasks know about it.

import { isLive, isRunLive, xcom } from "./airflow.js";
import { placeKey } from "./place.js";
import { siblingsOf } from "./siblings.js";
import { isWatchers, merged, readTraining } from "./summary.js";

const MOST_KEPT = 3000;
/** Entries looked through before the reader is asked whether to go on. */
const SEARCH_STRETCH = 250;

export const PAGE = 25;

export const always = () => true;

/** Values by place and stamp: asked for once while nothing changed. */
export class Values {
  #kept = new Map();

  /**
   * What `ask` gives, from memory if it was asked for with the same key.
   * @param {string|null} key null is never kept.
   * @param {function(*): boolean} lasts whether an answer is kept.
   */
  async get(key, lasts, ask) {
    if (key === null) return ask();
    if (!this.#kept.has(key)) {
      if (this.#kept.size >= MOST_KEPT) this.#kept.delete(this.#kept.keys().next().value);
      this.#kept.set(key, ask());
    }
    try {
      const answer = await this.#kept.get(key);
      if (!lasts(answer)) this.#kept.delete(key);
      return answer;
    } catch (problem) {
      this.#kept.delete(key);
      throw problem;
    }
  }
}

/** One training for each row, from items of a list. */
export class RowReader {
  #values = new Values();
  #completions = new Values();

  /**
   * @param {Object[]} items of a list.
   * @param {Object[]} live rows of tasks that still run; they are not shown again.
   */
  async rows(items, live = []) {
    const read = await Promise.all(items.map((item) => this.#row(item)));
    const groups = folded(read.filter((row) => row.training !== null || isStarting(row)));
    const known = new Set(live.map((row) => row.key));
    return Promise.all(groups.filter((row) => !known.has(row.key)).map((row) => this.#completed(row)));
  }

  async #row(item) {
    return { ...item, training: await this.#training(item.place, item.stamp) };
  }

  /** A training; one that this user may not read is a row that says so. */
  async #training(place, stamp) {
    try {
      const value = await this.#values.get(stamp && `${placeKey(place)} ${stamp}`, always, () => xcom(place, "training"));
      return value === undefined ? null : readTraining(value);
    } catch (problem) {
      if (problem.kind === "permission") return { unreadable: "You may not read XComs of this DAG." };
      throw problem;
    }
  }

  /** With what other tasks of the run know, where this row alone knows too little. */
  async #completed(row) {
    const { training } = row;
    if (training === null || training.unreadable) return row;
    const handedOver = training.state === "running" && !row.watched;
    if (!handedOver && training.prompt !== null) return row;
    const read = (place, stamp) => this.#training(place, stamp);
    const key = `${row.key} ${row.stamp ?? "live"}`;
    // While the run goes on, another task may say more in a moment.
    const settled = (known) => !known.runLive;
    const { others, runLive } = await this.#completions.get(key, settled, async () => {
      const [others, runLive] = await Promise.all([
        siblingsOf(row.place, training, read),
        handedOver ? isRunLive(row.place) : false,
      ]);
      return { others, runLive };
    });
    return {
      ...row,
      training: merged([training, ...others.map((other) => other.training)]),
      watched: row.watched || runLive,
    };
  }
}

/** Whether a task is on its way to a training and has none yet; a sensor follows the one of another task. */
const isStarting = ({ task }) => task !== undefined && isLive(task) && !/Sensor/.test(task.operator ?? "");

/** What tasks of one run wrote about one training becomes one row. */
export function folded(rows) {
  const groups = new Map();
  for (const row of rows) {
    const { dagId, runId } = row.place;
    const id = row.training?.id;
    const key = id ? JSON.stringify([dagId, runId, id]) : placeKey(row.place);
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return [...groups].map(([key, members]) => {
    const lead = members.find((row) => row.training && !row.training.unreadable && !isWatchers(row.training)) ?? members[0];
    const readable = members.map((row) => row.training).filter((training) => training && !training.unreadable);
    const watched = members.some((row) => row.task !== undefined && isLive(row.task));
    const stamps = members.map((row) => row.stamp);
    return {
      ...lead,
      key,
      watched,
      stamp: stamps.includes(null) ? null : stamps.join(" "),
      training: readable.length ? merged(readable) : lead.training,
    };
  });
}

/**
 * Go through a list until enough rows fit.
 * @param {function} list of lists.js.
 * @param {number} offset where to begin.
 * @param {function(Object): boolean|null} fits null takes every row.
 * @param {Object} how
 * @param {RowReader} how.reader
 * @param {Object[]} how.live rows that are shown already.
 * @param {AbortSignal} how.signal
 * @param {function(Object): void} how.tell is given what has been found, again and again:
 *   {rows, next, total, done}; next is the offset of what has not been looked through, null at the end.
 */
export async function find(list, offset, fits, { reader, live, signal, tell }) {
  const rows = [];
  let position = offset;
  let done = false;
  while (!done) {
    const page = await list(position, PAGE);
    const found = await reader.rows(page.items, live);
    if (signal.aborted) return;
    rows.push(...found.filter((row) => fits === null || fits(row)));
    position += page.items.length;
    const atEnd = page.items.length === 0 || position >= page.total;
    done = atEnd || fits === null || rows.length >= PAGE || position - offset >= SEARCH_STRETCH;
    tell({ rows: [...rows], next: atEnd ? null : position, total: page.total, done });
  }
}
