// What is looked for: words, status, verdict, tags.

import { byId, count, make } from "./dom.js";

const GROUPS = ["done", "in flight", "waiting", "failed", "unconfirmed", "canceled"];
const VERDICTS = { unjudged: "to judge", approved: "approved", rejected: "rejected" };

export class Filters {
  #batch;
  #tags = "";

  constructor(batch) {
    this.#batch = batch;
    fill(byId("group-filter"), "any status", GROUPS.map((group) => [group, group]));
    fill(byId("verdict-filter"), "any verdict", Object.entries(VERDICTS));
    byId("search").addEventListener("input", ({ target }) => batch.look({ search: target.value.trim() }));
    byId("group-filter").addEventListener("change", ({ target }) => batch.look({ group: target.value }));
    byId("verdict-filter").addEventListener("change", ({ target }) => batch.look({ verdict: target.value }));
    byId("clear").addEventListener("click", () => {
      batch.lookAtAll();
      byId("list").focus();
    });
    batch.addEventListener("changed", () => this.show());
  }

  show() {
    const { filters, found, filtered, rows } = this.#batch;
    this.#offerTags();
    if (byId("search").value.trim() !== filters.search) byId("search").value = filters.search;
    byId("group-filter").value = filters.group;
    byId("verdict-filter").value = filters.verdict;
    for (const select of byId("tag-filters").querySelectorAll("select")) {
      select.value = filters.tags[select.dataset.tag] ?? "";
    }
    const all = count.format(rows.size);
    byId("found").textContent = filtered ? `${count.format(found.length)} of ${all} jobs` : `${all} jobs`;
    byId("clear").hidden = !filtered;
    byId("none").hidden = found.length > 0;
    byId("list").hidden = found.length === 0;
  }

  #offerTags() {
    const tags = [...this.#batch.tags()].map(([name, values]) => [name, [...values].sort()]);
    const said = JSON.stringify(tags);
    if (said === this.#tags) return;
    this.#tags = said;
    byId("tag-filters").replaceChildren(...tags.map(([name, values]) => {
      const select = make("select");
      select.dataset.tag = name;
      fill(select, `any ${name}`, values.map((value) => [value, value]));
      select.addEventListener("change", () => {
        this.#batch.look({ tags: { ...this.#batch.filters.tags, [name]: select.value } });
      });
      return make("label", "", make("span", "unseen", name), select);
    }));
  }
}

function fill(select, any, options) {
  const nothing = make("option", "", any);
  nothing.value = "";
  select.replaceChildren(nothing, ...options.map(([value, words]) => {
    const option = make("option", "", words);
    option.value = value;
    return option;
  }));
}
