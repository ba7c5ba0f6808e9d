// The batch as the server tells it, what of it is looked for, and which job is on the stage.

const NO_FILTERS = { search: "", group: "", verdict: "", tags: {} };

export class Batch extends EventTarget {
  rows = new Map();
  headline = null;
  version = 0;
  trouble = null;
  filters = structuredClone(NO_FILTERS);
  found = [];
  chosen = null;
  #texts = new Map();
  // Stays in the list while it is on the stage, though a verdict may take it out of the filter.
  #kept = null;

  /** Take in what has changed. */
  take(news) {
    for (const row of news.rows) {
      this.rows.set(row.id, row);
      this.#texts.delete(row.id);
    }
    this.version = news.version;
    this.headline = news.headline;
    this.trouble = news.trouble;
    this.#find();
    this.#tell("changed");
  }

  /** One job, as the answer to a verdict tells it. */
  takeRow(row) {
    this.rows.set(row.id, row);
    this.#texts.delete(row.id);
    this.#tell("changed");
  }

  get job() {
    return this.rows.get(this.chosen) ?? null;
  }

  get filtered() {
    const { search, group, verdict, tags } = this.filters;
    return Boolean(search || group || verdict || Object.values(tags).some(Boolean));
  }

  /** Tag names with their values, in order of appearance. */
  tags() {
    const found = new Map();
    for (const row of this.rows.values()) {
      for (const [name, value] of Object.entries(row.tags)) {
        if (!found.has(name)) found.set(name, new Set());
        found.get(name).add(value);
      }
    }
    return found;
  }

  look(filters) {
    Object.assign(this.filters, filters);
    this.#kept = null;
    this.#find();
    this.#tell("changed");
    if (this.found.length && !this.found.includes(this.chosen)) this.choose(this.found[0]);
    this.#kept = this.chosen;
  }

  lookAtAll() {
    this.look(structuredClone(NO_FILTERS));
  }

  choose(id) {
    if (!this.rows.has(id) || id === this.chosen) return;
    this.chosen = id;
    this.#kept = id;
    this.#find();
    this.#tell("chosen");
  }

  /** So many places on in the list; false at its ends. */
  step(by) {
    const place = this.found.indexOf(this.chosen);
    const next = this.found[Math.min(this.found.length - 1, Math.max(0, place + by))];
    if (next === undefined || next === this.chosen) return false;
    this.choose(next);
    return true;
  }

  /** The next finished job of the list that nobody has judged; after the last, the first. */
  nextToJudge() {
    const place = this.found.indexOf(this.chosen);
    const order = [...this.found.slice(place + 1), ...this.found.slice(0, Math.max(0, place))];
    return order.find((id) => isToJudge(this.rows.get(id))) ?? null;
  }

  #find() {
    this.found = [];
    for (const row of this.rows.values()) {
      if (row.id === this.#kept || this.#fits(row)) this.found.push(row.id);
    }
  }

  #fits(row) {
    const { search, group, verdict, tags } = this.filters;
    if (group && row.group !== group) return false;
    if (verdict && !(verdict === "unjudged" ? isToJudge(row) : row.verdict === verdict)) return false;
    for (const [name, value] of Object.entries(tags)) {
      if (value && row.tags[name] !== value) return false;
    }
    return !search || this.#text(row).includes(search.toLocaleLowerCase());
  }

  #text(row) {
    if (!this.#texts.has(row.id)) {
      const words = [row.id, row.name, row.note, row.error?.code, row.error?.message,
        ...Object.values(row.tags)];
      this.#texts.set(row.id, words.filter(Boolean).join("\n").toLocaleLowerCase());
    }
    return this.#texts.get(row.id);
  }

  #tell(what) {
    this.dispatchEvent(new Event(what));
  }
}

export const isToJudge = (row) => row.group === "done" && row.verdict === null;
