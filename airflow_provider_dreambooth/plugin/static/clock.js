/* SPDX-License-Identifier: Apache-2.0 */
// Times as a person reads them, in the time zone that is chosen in Airflow's UI.

/** The time zone of Airflow's UI, which keeps it in the browser; undefined stands for the browser's own. */
function chosenZone() {
  try {
    const zone = JSON.parse(localStorage.getItem("timezone") ?? "null");
    if (typeof zone !== "string" || zone === "local") return undefined;
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return undefined;
  }
}

const ZONE = chosenZone();
const TIME = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hour: "2-digit", minute: "2-digit", second: "2-digit" });
const SHORT_TIME = new Intl.DateTimeFormat("en-GB", { timeZone: ZONE, hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-CA", { timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit" });
const FULL = new Intl.DateTimeFormat("en-CA", { timeZone: ZONE, dateStyle: "short", timeStyle: "long", hour12: false });

/** Such as 14:03:07. */
export const clockTime = (moment) => TIME.format(moment);

/** Such as 2026-11-25 14:03; today only 14:03. */
export function dayTime(moment, now = Date.now()) {
  const time = SHORT_TIME.format(moment);
  return DAY.format(moment) === DAY.format(now) ? `today ${time}` : `${DAY.format(moment)} ${time}`;
}

/** With seconds and zone, for a tooltip. */
export const fullTime = (moment) => FULL.format(moment);

/** Such as 45 s, 28 min 10 s, 3 h 05 min or 2 d 4 h. */
export function span(milliseconds) {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** When today, this week (from Monday) and this month began. */
export function periods(now = Date.now()) {
  const [year, month, day] = DAY.format(now).split("-").map(Number);
  const weekday = (new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 6) % 7;
  return {
    today: midnight(year, month, day),
    week: midnight(year, month, day - weekday),
    month: midnight(year, month, 1),
  };
}

/** The moment at which a day begins in the chosen zone. */
function midnight(year, month, day) {
  const asIfUtc = Date.UTC(year, month - 1, day);
  // Twice, since the first answer may lie on the other side of a change to or from summer time.
  let moment = asIfUtc - offset(asIfUtc);
  moment = asIfUtc - offset(moment);
  return moment;
}

/** Milliseconds by which the chosen zone is ahead of UTC. */
function offset(moment) {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: ZONE,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(moment);
  const number = (type) => Number(parts.find((part) => part.type === type).value);
  const local = Date.UTC(
    number("year"), number("month") - 1, number("day"), number("hour"), number("minute"), number("second"),
  );
  return local - Math.floor(moment / 1000) * 1000;
}

/**
 * How far a running training is by the service's own estimate.
 * @returns {{fraction: number|null, words: string}} fraction is null while nothing is known.
 */
export function progress(training, now = Date.now()) {
  const { requestedAt, etaAt } = training;
  if (etaAt === null) return { fraction: null, words: "no estimate from the service yet" };
  const left = etaAt - now;
  const whole = etaAt - (requestedAt ?? etaAt);
  // Never full: only the service says when a model is ready.
  const fraction = whole > 0 ? Math.min(0.98, Math.max(0.02, 1 - left / whole)) : null;
  if (left > 0) return { fraction, words: `about ${span(left)} left` };
  return { fraction, words: `${span(-left)} past the service's estimate` };
}
