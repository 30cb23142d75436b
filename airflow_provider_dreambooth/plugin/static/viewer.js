/* SPDX-License-Identifier: Apache-2.0 */
// Images one at a time and large: arrow keys go on, Escape closes.

import { make, outerLink, picture } from "./elements.js";

export class Viewer {
  #dialog;
  #addresses = [];
  #position = 0;
  #words = "";

  /** @param {HTMLDialogElement} dialog empty; it is filled when opened. */
  constructor(dialog) {
    this.#dialog = dialog;
    dialog.addEventListener("keydown", (event) => {
      if (event.key === "ArrowRight") this.#go(1);
      if (event.key === "ArrowLeft") this.#go(-1);
    });
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  }

  open(addresses, position, words) {
    this.#addresses = addresses;
    this.#position = position;
    this.#words = words;
    this.#draw();
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  #go(steps) {
    this.#position = (this.#position + steps + this.#addresses.length) % this.#addresses.length;
    this.#draw();
  }

  #draw() {
    const address = this.#addresses[this.#position];
    const many = this.#addresses.length > 1;
    const button = (words, label, act) => {
      const element = make("button", { type: "button", "aria-label": label }, words);
      element.addEventListener("click", act);
      return element;
    };
    this.#dialog.replaceChildren(
      picture(address, this.#words),
      make(
        "div.viewer-bar",
        {},
        many ? button("‹", "Image before", () => this.#go(-1)) : null,
        make("span", {}, `${this.#position + 1} of ${this.#addresses.length}`),
        many ? button("›", "Next image", () => this.#go(1)) : null,
        make("span.quiet", {}, this.#words),
        outerLink(address, "Original"),
        button("Close", "Close", () => this.#dialog.close()),
      ),
    );
  }
}
