// Verdicts and notes: sent one after the other, undone in the order that they were given.

import { byId } from "./dom.js";
import { judge } from "./feed.js";

const WORDS = { approved: "Approved", rejected: "Rejected" };

export class Verdicts {
  #batch;
  #say;
  #done = [];
  #queue = Promise.resolve();

  constructor(batch, say) {
    this.#batch = batch;
    this.#say = say;
    const note = byId("note");
    byId("approve").addEventListener("click", () => this.give("approved"));
    byId("reject").addEventListener("click", () => this.give("rejected"));
    byId("undo").addEventListener("click", () => this.undo());
    note.addEventListener("change", () => this.keepNote(note.dataset.job, note.value));
    window.addEventListener("pagehide", () => this.keepNote(note.dataset.job, note.value));
  }

  /** Approve or reject the job on the stage; the same verdict again takes it back. */
  give(verdict) {
    const row = this.#batch.job;
    if (!row) return;
    if (row.group !== "done") {
      this.#say("There is nothing to judge here yet. J goes to the next one to judge.", true);
      return;
    }
    const given = row.verdict === verdict ? null : verdict;
    const words = given ? `${WORDS[given]} ${row.name ?? row.id}.` : `Verdict on ${row.name ?? row.id} taken back.`;
    this.#send(row, { verdict: given }, words, given !== null);
  }

  keepNote(id, text) {
    const row = this.#batch.rows.get(id);
    if (row?.group !== "done" || text.trim() === row.note) return;
    byId("note").dataset.unsaved = id;
    this.#send(row, { note: text }, "Note kept.", false);
  }

  undo() {
    const last = this.#done.pop();
    if (!last) return;
    const row = this.#batch.rows.get(last.job);
    this.#offerUndo();
    this.#batch.choose(last.job);
    if (row?.attempt !== last.attempt) {
      this.#say("That job was made anew since: there is nothing to undo.", true);
      return;
    }
    this.#send(row, { verdict: last.verdict, note: last.note }, `Undone: ${row.name ?? row.id}.`, false, false);
  }

  #send({ id, attempt }, changes, words, goesOn, undoable = true) {
    this.#queue = this.#queue.then(async () => {
      // As it stands now, after what was sent before.
      const { verdict, note } = this.#batch.rows.get(id);
      try {
        const now = await judge({ job: id, attempt, verdict, note, ...changes });
        if (undoable) this.#done.push({ job: id, attempt, verdict, note });
        if ("note" in changes) delete byId("note").dataset.unsaved;
        this.#batch.takeRow(now);
        this.#offerUndo();
        this.#say(`${words}${undoable ? " U undoes." : ""}${goesOn ? this.#goOn(id) : ""}`);
      } catch (error) {
        this.#say(`Not saved: ${error.message}`, true);
      }
    });
  }

  /** To the next job that waits for a verdict; false where there is none. */
  next() {
    const next = this.#batch.nextToJudge();
    if (next === null) return false;
    this.#batch.choose(next);
    return true;
  }

  #goOn(from) {
    if (!byId("advance").checked || this.#batch.chosen !== from) return "";
    return this.next() ? "" : " That was the last one to judge here.";
  }

  #offerUndo() {
    byId("undo").disabled = this.#done.length === 0;
  }
}
