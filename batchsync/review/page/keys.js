// Everything by the keyboard.

import { byId } from "./dom.js";

/** Bind the keys; what a focused field or button does with them by itself comes first. */
export function bindKeys({ batch, stage, verdicts, list, closeJobs }) {
  const actions = {
    " ": () => stage.pair.toggle(),
    arrowleft: () => batch.step(-1),
    arrowup: () => batch.step(-1),
    arrowright: () => batch.step(1),
    arrowdown: () => batch.step(1),
    pageup: () => batch.step(-list.page),
    pagedown: () => batch.step(list.page),
    home: () => batch.step(-batch.found.length),
    end: () => batch.step(batch.found.length),
    ",": () => stage.pair.stepFrames(-1),
    ".": () => stage.pair.stepFrames(1),
    a: () => verdicts.give("approved"),
    r: () => verdicts.give("rejected"),
    u: () => verdicts.undo(),
    j: () => verdicts.next(),
    s: () => stage.hearOther(),
    n: () => byId("note").focus(),
    "/": () => byId("search").focus(),
    "?": () => byId("help").showModal(),
    escape: closeJobs,
  };
  const shifted = {
    arrowleft: () => stage.pair.seek(stage.pair.time - 1),
    arrowright: () => stage.pair.seek(stage.pair.time + 1),
  };
  const once = new Set(["a", "r", "u", " ", "s", "n"]);

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (byId("help").open || takesKey(event)) return;
    const key = event.key.toLowerCase();
    const action = (event.shiftKey && shifted[key]) || actions[key];
    if (!action) return;
    event.preventDefault();
    // A key that is held down must not judge one job after the other.
    if (!(event.repeat && once.has(key))) action();
  });
  bindFields(batch);
}

function takesKey({ target, key }) {
  if (target.matches("textarea, input:not([type=range], [type=checkbox])")) return true;
  if (target.matches("select")) return key.length === 1 ? key !== "?" : !["Escape"].includes(key);
  if (target.matches("input[type=range]")) return /^(Arrow|Page|Home|End)/.test(key);
  return target.matches("button, summary, a, input") && (key === " " || key === "Enter");
}

function bindFields(batch) {
  byId("note").addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape") byId("note").value = batch.job?.note ?? "";
    if (event.key === "Escape" || (event.key === "Enter" && !event.shiftKey)) {
      event.preventDefault();
      byId("stage").focus();
    }
  });
  byId("search").addEventListener("keydown", (event) => {
    if (event.key === "Escape" || event.key === "Enter" || event.key === "ArrowDown") {
      event.preventDefault();
      byId("list").focus();
    }
  });
  // After a click the keys belong to the videos again: space must not press the button once more.
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button, summary");
    if (event.detail > 0 && button && !button.closest("dialog")) button.blur();
  });
}
