// The jobs at the side. Only those in sight are elements, so that ten thousand scroll smoothly.

import { isToJudge } from "./batch.js";
import { make, tint } from "./dom.js";

const SPARE = 6;
const MARKS = { approved: "✓", rejected: "✕" };
const STATE_MARKS = { failed: "!", canceled: "–", unconfirmed: "?", "in flight": "◐", waiting: "·", done: "○" };

export class JobList {
  #batch;
  #box;
  #runway = make("div", "runway");
  #height = 56;

  constructor(box, batch) {
    this.#box = box;
    this.#batch = batch;
    this.#runway.setAttribute("role", "presentation");
    box.append(this.#runway);
    box.addEventListener("scroll", () => this.#draw(), { passive: true });
    new ResizeObserver(() => this.#draw()).observe(box);
    box.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) batch.choose(option.dataset.job);
    });
    batch.addEventListener("changed", () => this.#draw());
    batch.addEventListener("chosen", () => this.reveal());
  }

  /** Bring the chosen job into sight. */
  reveal() {
    const place = this.#batch.found.indexOf(this.#batch.chosen);
    const top = place * this.#height;
    const { scrollTop, clientHeight } = this.#box;
    if (place >= 0 && top < scrollTop) this.#box.scrollTop = Math.max(0, top - this.#height);
    else if (place >= 0 && top + this.#height > scrollTop + clientHeight) {
      this.#box.scrollTop = top + 2 * this.#height - clientHeight;
    }
    this.#draw();
  }

  /** How many jobs fit into sight. */
  get page() {
    return Math.max(1, Math.floor(this.#box.clientHeight / this.#height) - 1);
  }

  #draw() {
    const { found, chosen, rows } = this.#batch;
    this.#runway.style.height = `${found.length * this.#height}px`;
    const first = Math.max(0, Math.floor(this.#box.scrollTop / this.#height) - SPARE);
    const last = Math.min(
      found.length, Math.ceil((this.#box.scrollTop + this.#box.clientHeight) / this.#height) + SPARE);
    const options = [];
    for (let place = first; place < last; place += 1) {
      options.push(this.#option(rows.get(found[place]), place, found.length));
    }
    this.#runway.replaceChildren(...options);
    const place = found.indexOf(chosen);
    if (place >= first && place < last) this.#box.setAttribute("aria-activedescendant", `job-${place}`);
    else this.#box.removeAttribute("aria-activedescendant");
  }

  #option(row, place, total) {
    const judged = row.verdict ?? row.group;
    const mark = make("span", "mark", MARKS[row.verdict] ?? STATE_MARKS[row.group]);
    mark.setAttribute("aria-hidden", "true");
    const label = make("span", "label", row.name ?? row.id);
    label.dir = "auto";
    const word = isToJudge(row) ? "to judge" : judged;
    const sub = make("span", "sub", underneath(row));
    sub.dir = "auto";
    const colour = isToJudge(row) ? "unjudged" : judged;
    const option = make("div", `job ${tint(colour)}`, mark, label, make("span", "state", word), sub);
    option.id = `job-${place}`;
    option.dataset.job = row.id;
    option.style.top = `${place * this.#height}px`;
    option.setAttribute("role", "option");
    option.setAttribute("aria-selected", String(row.id === this.#batch.chosen));
    option.setAttribute("aria-setsize", String(total));
    option.setAttribute("aria-posinset", String(place + 1));
    return option;
  }
}

function underneath(row) {
  if (row.error) return row.error.message;
  if (row.output && row.output.bytes === null) return "the output is missing";
  if (row.note) return row.note;
  return [row.name ? row.id : null, ...Object.values(row.tags)].filter(Boolean).join(" · ") || row.mode;
}
