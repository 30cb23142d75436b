/* SPDX-License-Identifier: Apache-2.0 */
// Living in a frame of Airflow's UI: its colours, and links that lead out of the frame.

/**
 * Follow Airflow's light or dark, now and when it changes, on the very ground that Airflow has, which its administrator
 * may have chosen. Outside of Airflow follow the system.
 */
export function followColours() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const outer = outerDocument();
  const apply = () => {
    const dark = outer === null ? system.matches : outer.documentElement.classList.contains("dark");
    document.documentElement.dataset.colours = dark ? "dark" : "light";
    if (outer !== null) standOn(outer);
  };
  if (outer === null) {
    system.addEventListener("change", apply);
  } else {
    new MutationObserver(apply).observe(outer.documentElement, { attributeFilter: ["class"] });
  }
  apply();
}

/** Take over the colour of the ground. */
function standOn(outer) {
  for (const element of [outer.body, outer.documentElement]) {
    const ground = getComputedStyle(element).backgroundColor;
    if (ground !== "rgba(0, 0, 0, 0)") document.documentElement.style.setProperty("--ground", ground);
  }
}

/** The document of Airflow's UI around this one; null when opened on its own. */
function outerDocument() {
  if (window.parent === window) return null;
  try {
    return window.parent.document;
  } catch {
    return null;
  }
}

/**
 * Let links lead out of the frame.
 *
 * Airflow's sandbox lets a frame neither open a tab nor move the page around it, so a link is followed by one of the
 * page around it, which has this page's origin.
 */
export function leadLinksOut() {
  const outer = outerDocument();
  if (outer === null) return;
  const follow = (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button > 1) return;
    event.preventDefault();
    const newTab = link.target === "_blank" || event.button === 1 || event.ctrlKey || event.metaKey || event.shiftKey;
    const twin = outer.createElement("a");
    twin.href = link.href;
    twin.rel = "noopener noreferrer";
    if (newTab) twin.target = "_blank";
    outer.body.append(twin);
    twin.click();
    twin.remove();
  };
  document.addEventListener("click", follow);
  document.addEventListener("auxclick", follow);
}

/** Both; every page begins with it. */
export function settleIn() {
  followColours();
  leadLinksOut();
}
