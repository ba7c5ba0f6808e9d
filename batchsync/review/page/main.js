// Puts the page together.

import { Batch, isToJudge } from "./batch.js";
import { byId } from "./dom.js";
import { everything, listen } from "./feed.js";
import { Filters } from "./filters.js";
import { showHeadline, showPulse } from "./header.js";
import { bindKeys } from "./keys.js";
import { JobList } from "./list.js";
import { Stage } from "./stage.js";
import { Verdicts } from "./verdicts.js";

const SAID_MS = 4000;

let silence = 0;
function say(words, wrong = false) {
  const said = byId("said");
  said.textContent = words;
  said.classList.toggle("wrong", wrong);
  clearTimeout(silence);
  silence = setTimeout(() => { said.textContent = ""; }, wrong ? 4 * SAID_MS : SAID_MS);
}

function openJobs(open) {
  byId("jobs").classList.toggle("open", open);
  byId("jobs-open").setAttribute("aria-expanded", String(open));
  if (open) byId("list").focus();
}

/** The place in the page's address, so that loading it again comes back to the same job. */
function remember(batch) {
  batch.addEventListener("chosen", () => {
    history.replaceState(null, "", `/#${new URLSearchParams({ job: batch.chosen })}`);
    openJobs(false);
  });
}

function chooseFirst(batch) {
  const asked = new URLSearchParams(location.hash.slice(1)).get("job");
  const toJudge = [...batch.rows.values()].find(isToJudge);
  batch.choose(batch.rows.has(asked) ? asked : toJudge?.id ?? batch.rows.keys().next().value);
}

async function begin() {
  // The link's token has done its work; it need not stay in the address.
  history.replaceState(null, "", `/${location.hash}`);
  const batch = new Batch();
  const list = new JobList(byId("list"), batch);
  new Filters(batch);
  const stage = new Stage(batch);
  const verdicts = new Verdicts(batch, say);
  let connected = true;
  const pulse = () => showPulse(batch.headline, connected);
  batch.addEventListener("changed", () => {
    showHeadline(batch);
    pulse();
  });
  remember(batch);
  bindKeys({ batch, stage, verdicts, list, closeJobs: () => openJobs(false) });
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("jobs-open").addEventListener("click", () => openJobs(true));
  byId("jobs-close").addEventListener("click", () => openJobs(false));
  try {
    const news = await everything();
    byId("batch").textContent = news.batch;
    batch.take(news);
    chooseFirst(batch);
    listen(news.version, (more) => batch.take(more), (there) => {
      connected = there;
      pulse();
    });
    document.body.dataset.ready = "yes";
  } catch (error) {
    byId("trouble").hidden = false;
    byId("trouble").textContent = `The batch can’t be shown: ${error.message}`;
  }
}

begin();
