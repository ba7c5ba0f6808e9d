// What the server tells, and what it is told.

/** Everything, to begin with. */
export async function everything() {
  return answered(await fetch("api/batch"));
}

/** A person's word on one attempt; the job as it then stands. */
export async function judge(word) {
  const answer = await fetch("api/verdict", {
    method: "PUT",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(word),
    // A note that is being written when the page is closed is kept, too.
    keepalive: true,
  });
  return answered(answer);
}

async function answered(answer) {
  if (answer.status === 401) throw new Error("this link is no longer good; start batchsync review again");
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message);
  return body;
}

/** Listen to changes; `onState` hears whether anybody is there. */
export function listen(version, onNews, onState) {
  const events = new EventSource(`api/events?since=${version}`);
  events.addEventListener("message", (event) => onNews(JSON.parse(event.data)));
  events.addEventListener("open", () => onState(true));
  // The browser tries again by itself, from the last version that it has seen.
  events.addEventListener("error", () => onState(false));
}
