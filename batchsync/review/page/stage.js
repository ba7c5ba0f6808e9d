// One job: its videos side by side, how it stands, what is said of it.

import { byId, bytes, clock, count, make, tint } from "./dom.js";
import { Pair } from "./pair.js";

export class Stage {
  #batch;

  constructor(batch) {
    this.#batch = batch;
    this.pair = new Pair(byId("source"), byId("source-message"), byId("output"), byId("output-message"));
    this.pair.addEventListener("changed", () => this.#showTime());
    byId("play").addEventListener("click", () => this.pair.toggle());
    byId("seek").addEventListener("input", ({ target }) => this.pair.seek(Number(target.value)));
    byId("speed").addEventListener("change", ({ target }) => this.pair.setSpeed(Number(target.value)));
    byId("hear").addEventListener("click", () => this.hearOther());
    byId("screens").addEventListener("click", (event) => event.target.closest("video") && this.pair.toggle());
    byId("previous").addEventListener("click", () => batch.step(-1));
    byId("following").addEventListener("click", () => batch.step(1));
    batch.addEventListener("changed", () => this.show());
    batch.addEventListener("chosen", () => this.show());
  }

  hearOther() {
    this.pair.hear(this.pair.heard === "output" ? "source" : "output");
  }

  show() {
    const row = this.#batch.job;
    if (!row) return;
    this.#showPlace();
    this.pair.show(row, this.pair.playing);
    byId("job-name").textContent = row.name ?? row.id;
    document.title = `${row.name ?? row.id} · ${byId("batch").textContent} · review`;
    this.#showFacts(row);
    this.#showVerdict(row);
    const failure = byId("failure");
    failure.hidden = !row.error;
    failure.textContent = row.error ? `${row.error.stage}: ${row.error.message} (${row.error.code})` : "";
    byId("source-note").textContent = row.source.elsewhere ?? fileName(row.source.text);
    byId("output-note").textContent = row.output ? `attempt ${row.attempt}, ${row.mode}` : "";
    showDetails(row);
  }

  #showPlace() {
    const { found, chosen } = this.#batch;
    const place = found.indexOf(chosen);
    byId("place").textContent = place < 0 ? "" : `${count.format(place + 1)} of ${count.format(found.length)}`;
    byId("previous").disabled = place <= 0;
    byId("following").disabled = place < 0 || place === found.length - 1;
  }

  #showFacts(row) {
    const state = make("span", `word ${tint(row.group)}`, row.state);
    const tags = Object.entries(row.tags).map(([name, value]) => {
      const tag = make("bdi", "tag", `${name}: ${value}`);
      tag.title = `${name}: ${value}`;
      return tag;
    });
    const range = row.end === null ? "" : `${clock(row.start)}–${clock(row.end)} of the source`;
    byId("job-facts").replaceChildren(
      state, make("span", "", row.mode), make("span", "", credits(row)), make("span", "", range), ...tags);
  }

  #showVerdict(row) {
    const open = row.group === "done";
    for (const [id, verdict] of [["approve", "approved"], ["reject", "rejected"]]) {
      byId(id).disabled = !open;
      byId(id).setAttribute("aria-pressed", String(row.verdict === verdict));
    }
    const note = byId("note");
    note.disabled = !open;
    note.placeholder = open ? "What should be better?" : "There is nothing to judge yet.";
    // What somebody is writing, or what could not be saved, is not written over.
    const writing = document.activeElement === note || note.dataset.unsaved === row.id;
    if (note.dataset.job !== row.id || !writing) note.value = row.note;
    note.dataset.job = row.id;
  }

  #showTime() {
    const { pair } = this;
    const seek = byId("seek");
    seek.max = pair.length || 1;
    seek.value = pair.time;
    seek.disabled = !pair.lead;
    seek.setAttribute("aria-valuetext", `${clock(pair.time)} of ${clock(pair.length)}`);
    byId("clock").textContent = `${clock(pair.time)} / ${clock(pair.length)}`;
    const play = byId("play");
    play.disabled = !pair.lead;
    play.classList.toggle("playing", pair.playing);
    play.setAttribute("aria-label", pair.playing ? "Pause" : "Play");
    const dubbed = pair.heard === "output";
    byId("heard").textContent = dubbed ? "dubbed" : "source";
    byId("output").parentElement.classList.toggle("heard", dubbed && pair.output.usable);
    byId("source").parentElement.classList.toggle("heard", !dubbed && pair.source.usable);
  }
}

function credits(row) {
  const settled = ["done", "failed", "canceled"].includes(row.group);
  if (settled) return `${count.format(row.credits)} credits`;
  return row.estimated === null ? "" : `about ${count.format(row.estimated)} credits`;
}

const fileName = (path) => path.split(/[/\\]/).at(-1);

function showDetails(row) {
  const facts = [
    ["Job", row.id],
    ["Tags", Object.entries(row.tags).map(([name, value]) => `${name}: ${value}`).join(", ")],
    ["Source", row.source.text],
    ["Audio", row.audio],
    ["Output", row.output && `${row.output.path}${row.output.bytes ? ` (${bytes(row.output.bytes)})` : ""}`],
    ["Picture", row.width && `${row.width} × ${row.height}${row.fps ? `, ${row.fps} frames a second` : ""}`],
    ["Submitted", row.submitted_at && new Date(row.submitted_at * 1000).toLocaleString()],
    ["Rendered in", row.render_seconds !== null && `${row.render_seconds.toFixed(1)} s`],
    ["Judged", row.reviewed_at && new Date(row.reviewed_at * 1000).toLocaleString()],
  ];
  byId("details").replaceChildren(...facts.filter(([, value]) => value).flatMap(([name, value]) => {
    const said = make("dd", "", value);
    said.dir = "auto";
    return [make("dt", "", name), said];
  }));
}
