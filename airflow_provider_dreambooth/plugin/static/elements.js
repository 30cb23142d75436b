/* SPDX-License-Identifier: Apache-2.0 */
// Making elements. Text is only ever set as text, and a link is made only of an address that is safe to follow.

/**
 * Make an element.
 * @param {string} name of the tag, with classes: "p.note.small".
 * @param {Object} attributes true stands for one without a value; null and false leave it out.
 * @param {...(Node|string|null)} children null is left out.
 */
export function make(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [attribute, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(attribute, value === true ? "" : value);
    }
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

const LONGEST_ADDRESS = 4096;

/**
 * The address if it is an http(s) one without a password in it, else null.
 *
 * Not one of Airflow itself either: it would be asked with the reader's session, to log out for instance.
 */
export function safeAddress(address) {
  if (typeof address !== "string" || address.length > LONGEST_ADDRESS) return null;
  try {
    const url = new URL(address);
    const known = url.protocol === "http:" || url.protocol === "https:";
    const foreign = url.origin !== location.origin;
    return known && foreign && url.username === "" && url.password === "" ? url.href : null;
  } catch {
    return null;
  }
}

/** A link to another site, in a new tab; plain text where the address is not safe to follow. */
export function outerLink(address, words = address) {
  const safe = safeAddress(address);
  if (safe === null) return make("span", {}, words);
  return make("a", { href: safe, target: "_blank", rel: "noopener noreferrer" }, words);
}

/** A link to a page of Airflow's UI. */
export const innerLink = (address, words, attributes = {}) => make("a", { href: address, ...attributes }, words);

/**
 * An image from elsewhere; where it cannot be shown, a quiet box that says so.
 * @param {string} address of the image.
 * @param {string} words that stand for it.
 */
export function picture(address, words) {
  const safe = safeAddress(address);
  if (safe === null) return make("span.no-picture", { title: "Not a link that can be shown" }, "no preview");
  const image = make("img", { src: safe, alt: words, loading: "lazy", decoding: "async", referrerpolicy: "no-referrer" });
  image.addEventListener("error", () => {
    image.replaceWith(make("span.no-picture", { title: "The image cannot be loaded: its link may have expired" }, "no preview"));
  });
  return image;
}

/** A state as a word with its colour. */
export function badge(state) {
  return make("span.badge", { "data-state": state }, STATE_WORDS[state] ?? state);
}

const STATE_WORDS = {
  running: "Running",
  processing: "Rendering",
  ready: "Ready",
  failed: "Failed",
  cancelled: "Cancelled",
  timed_out: "Timed out",
  unwatched: "Not watched",
  starting: "Starting",
  unreadable: "Unreadable",
};

/** A list of names and values; a row without a value is left out. */
export function facts(rows) {
  const known = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return make("dl.facts", {}, ...known.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

/** A progress bar; without a fraction it only says that something happens. */
export function bar(fraction, words) {
  const element = make("progress", { max: "100", "aria-label": "Progress by the service's estimate" });
  if (fraction !== null) element.value = Math.round(fraction * 100);
  element.title = words;
  return element;
}

/** A box that speaks to the reader: kind is "info", "warning" or "error". */
export function notice(kind, title, ...children) {
  return make(`section.notice.${kind}`, { role: kind === "error" ? "alert" : "status" }, make("h2", {}, title), ...children);
}
