// Two videos that play as one: a range of the source, and the dubbed output of that range.

import { copyable, make } from "./dom.js";

// Seconds that one may be ahead of the other: below the first nobody sees it, above the second it
// has to jump; between them it runs a little faster or slower.
const UNSEEN = 0.03;
const TOO_MUCH = 0.25;
const NUDGE = 1.5;
const MOST_NUDGE = 0.35;
const NO_FRAME_RATE = 25;

/** One side: its video, what is said instead of it, and where the range begins in it. */
class Side {
  address = null;
  usable = false;
  begin = 0;

  constructor(video, message, onReady) {
    this.video = video;
    this.message = message;
    this.onReady = onReady;
    video.addEventListener("loadedmetadata", () => {
      this.usable = true;
      this.go(0);
      onReady();
    });
    video.addEventListener("error", () => this.#broken());
  }

  load(address, begin, path, reason) {
    this.usable = false;
    this.begin = begin;
    this.path = path;
    this.address = address;
    this.video.pause();
    if (address) {
      this.say();
      this.video.src = address;
    } else {
      this.video.removeAttribute("src");
      this.video.load();
      this.say(...reason);
    }
    this.onReady();
  }

  get time() {
    return this.video.currentTime - this.begin;
  }

  go(time) {
    if (this.usable) this.video.currentTime = Math.max(0, time + this.begin);
  }

  say(text = null, ...more) {
    this.message.hidden = text === null;
    this.message.replaceChildren();
    if (text !== null) this.message.append(make("p", "", text), ...more.filter(Boolean));
    this.video.hidden = text !== null;
  }

  async #broken() {
    if (!this.address || !this.video.getAttribute("src")) return;
    const address = this.address;
    this.usable = false;
    let there = false;
    try {
      there = (await fetch(address, { headers: { Range: "bytes=0-0" } })).ok;
    } catch {
      // The server has ended; the page says so elsewhere.
    }
    if (address !== this.address) return;
    const text = there
      ? "This browser can’t play the file. A player on this machine may:"
      : "The file is not there any more:";
    this.say(text, copyable(this.path, "Copy the path"));
    this.onReady();
  }
}

export class Pair extends EventTarget {
  length = 0;
  playing = false;
  heard = "output";
  speed = 1;
  #row = null;
  #key = null;
  #wanted = false;

  constructor(source, sourceMessage, output, outputMessage) {
    super();
    this.source = new Side(source, sourceMessage, () => this.#ready());
    this.output = new Side(output, outputMessage, () => this.#ready());
    for (const side of [this.source, this.output]) {
      side.video.addEventListener("ended", () => side === this.lead && this.pause());
      side.video.addEventListener("timeupdate", () => this.#tell());
    }
    this.hear("output");
  }

  /** Show a job; the same files again are left as they are. `keepPlaying` goes on with it. */
  show(row, keepPlaying = false) {
    const key = JSON.stringify([row.id, row.group, row.attempt, row.output, row.source, row.start]);
    if (key === this.#key) return;
    this.pause();
    this.#key = key;
    this.#row = row;
    this.#wanted = keepPlaying;
    this.length = 0;
    const at = (side, size) => `media?${new URLSearchParams({ job: row.id, side, attempt: row.attempt, size })}`;
    const { source, output } = row;
    this.source.load(
      source.bytes ? at("source", source.bytes) : null, row.start, source.text, sourceReason(source));
    this.output.load(
      output?.bytes ? at("output", output.bytes) : null, 0, output?.path, outputReason(row));
  }

  /** The side that is heard keeps the time, as its sound must not be bent. */
  get lead() {
    const [first, second] = this.heard === "output" ? [this.output, this.source] : [this.source, this.output];
    if (first.usable) return first;
    return second.usable ? second : null;
  }

  get follower() {
    const other = this.lead === this.output ? this.source : this.output;
    return this.lead && other.usable ? other : null;
  }

  get time() {
    return this.lead ? Math.min(this.length, Math.max(0, this.lead.time)) : 0;
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  async play() {
    if (!this.lead) return;
    if (this.time >= this.length - 0.05) this.seek(0);
    this.playing = true;
    this.#tell();
    this.#tick();
    const { lead, follower } = this;
    follower?.video.play().catch(() => {});
    try {
      await lead.video.play();
    } catch (error) {
      // A pause, or another job, came in between; or the browser wants a click first.
      if (error.name === "NotAllowedError") this.pause();
    }
  }

  pause() {
    this.playing = false;
    this.#wanted = false;
    for (const side of [this.source, this.output]) side.video.pause();
    this.follower?.go(this.lead.time);
    this.#tell();
  }

  seek(time) {
    const to = Math.min(this.length, Math.max(0, time));
    this.source.go(to);
    this.output.go(to);
    this.#tell();
  }

  /** So many frames on, or back. */
  stepFrames(by) {
    this.pause();
    this.seek(this.time + by / (this.#row?.fps || NO_FRAME_RATE));
  }

  hear(which) {
    this.heard = which;
    this.output.video.muted = which !== "output";
    this.source.video.muted = which !== "source";
    this.#tell();
  }

  setSpeed(speed) {
    this.speed = speed;
    for (const side of [this.source, this.output]) side.video.playbackRate = speed;
  }

  #ready() {
    const { start, end } = this.#row ?? { start: 0, end: null };
    const range = end === null ? Infinity : end - start;
    this.length = this.output.usable ? this.output.video.duration : 0;
    if (!this.length && this.source.usable) {
      this.length = Math.max(0, Math.min(range, this.source.video.duration - start));
    }
    this.setSpeed(this.speed);
    if (this.#wanted && this.lead) this.play();
    this.#tell();
  }

  #tick() {
    if (!this.playing) return;
    if (this.lead && this.lead.time >= this.length) this.pause();
    else {
      this.#align();
      this.#tell();
      requestAnimationFrame(() => this.#tick());
    }
  }

  #align() {
    const { lead, follower } = this;
    if (!follower || follower.video.seeking || lead.video.seeking) return;
    if (follower.video.paused && !follower.video.ended && !lead.video.paused) follower.video.play().catch(() => {});
    const ahead = follower.time - lead.time;
    lead.video.playbackRate = this.speed;
    if (Math.abs(ahead) > TOO_MUCH * Math.max(1, this.speed)) follower.go(lead.time);
    else follower.video.playbackRate = this.speed * (1 - nudge(ahead));
  }

  #tell() {
    this.dispatchEvent(new Event("changed"));
  }
}

/** By what share the silent one slows down that is so many seconds ahead. */
function nudge(ahead) {
  if (Math.abs(ahead) < UNSEEN) return 0;
  return Math.max(-MOST_NUDGE, Math.min(MOST_NUDGE, ahead * NUDGE));
}

function sourceReason(source) {
  if (source.elsewhere) {
    return [`The source is ${source.elsewhere}; this page loads nothing from the network.`,
      copyable(source.text, "Copy")];
  }
  return ["The source is missing, moved or empty:", copyable(source.text, "Copy the path")];
}

function outputReason(row) {
  if (row.output) {
    return ["The output is missing, moved or empty. It can be downloaded again, free:",
      copyable(row.output.again, "Copy the command")];
  }
  const words = {
    waiting: "Not bought yet.",
    "in flight": "The service is rendering it; it appears here by itself.",
    failed: "There is no output: the job failed.",
    canceled: "There is no output: the job was canceled.",
    unconfirmed: "Nobody knows yet whether this was bought.",
  };
  return [words[row.group] ?? "There is no output."];
}
