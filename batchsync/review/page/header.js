// The headline: what was done, what failed, what it cost, what to do next.

import { byId, copyable, count, make, tint } from "./dom.js";

const GROUPS = ["done", "in flight", "waiting", "failed", "unconfirmed", "canceled"];
const VERDICTS = ["unjudged", "approved", "rejected"];
const VERDICT_WORDS = { unjudged: "to judge" };

export function showHeadline(batch) {
  const { headline, trouble } = batch;
  byId("trouble").hidden = !trouble;
  byId("trouble").textContent = trouble ?? "";
  showBar(headline);
  showChips(batch);
  showCredits(headline.credits);
  showNext(headline);
}

export function showPulse(headline, connected) {
  const pulse = byId("pulse");
  pulse.classList.toggle("running", connected && headline.running);
  pulse.textContent = pulseWords(headline, connected);
}

function pulseWords(headline, connected) {
  if (!connected) return "not connected: has batchsync review ended?";
  if (headline.running) return "running";
  if (!headline.run) return "not run yet";
  if (headline.run.ended_at === null) return "the last run broke off";
  const when = new Date(headline.run.ended_at * 1000);
  return `last run ended ${when.toLocaleString([], { dateStyle: "medium", timeStyle: "short" })}`;
}

function showBar({ jobs, groups }) {
  const bar = byId("bar");
  const parts = GROUPS.filter((group) => groups[group]);
  bar.setAttribute(
    "aria-label", `${parts.map((group) => `${groups[group]} ${group}`).join(", ")}, of ${jobs} jobs`);
  bar.replaceChildren(...parts.map((group) => {
    const part = make("i", tint(group));
    part.style.flexGrow = groups[group];
    return part;
  }));
}

function showChips(batch) {
  const { groups, verdicts } = batch.headline;
  const chips = [
    ...GROUPS.filter((group) => groups[group]).map((group) => chip(batch, "group", group, groups[group], group)),
    ...VERDICTS.filter((verdict) => verdicts[verdict]).map((verdict) =>
      chip(batch, "verdict", verdict, verdicts[verdict], VERDICT_WORDS[verdict] ?? verdict)),
  ];
  const box = byId("groups");
  // Made anew a few times a second in a run: what has the focus must keep it.
  const focused = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  box.replaceChildren(...chips);
  if (focused) chips.find((one) => one.dataset.key === focused)?.focus();
}

function chip(batch, filter, value, number, word) {
  const button = make("button", `chip ${tint(value)}`, `${count.format(number)} ${word}`);
  button.type = "button";
  button.dataset.key = `${filter} ${value}`;
  const pressed = batch.filters[filter] === value;
  button.setAttribute("aria-pressed", String(pressed));
  button.addEventListener("click", () => batch.look({ [filter]: pressed ? "" : value }));
  return button;
}

function showCredits({ charged, held, refunded, cap }) {
  const parts = [make("b", "", count.format(charged)), " credits charged"];
  if (held > charged) parts.push(` · ${count.format(held - charged)} reserved`);
  if (refunded) parts.push(` · ${count.format(refunded)} given back`);
  if (cap !== null) parts.push(` · cap ${count.format(cap)}`);
  byId("credits").replaceChildren(...parts);
}

function showNext({ next, verdicts, groups }) {
  const lines = next.map(({ said, command }) => make("li", "", make("span", "", `${said}:`), copyable(command)));
  if (groups.done && groups.done === verdicts.approved) {
    lines.push(make("li", "", `All ${count.format(groups.done)} outputs are approved.`));
  }
  const box = byId("next");
  const said = JSON.stringify([next, verdicts, groups.done]);
  if (box.dataset.said === said) return;
  box.dataset.said = said;
  box.replaceChildren(...lines);
}
