// What the page was given, as rows; and how figures are written.

const given = JSON.parse(document.getElementById('data').textContent);
const { texts, tags, statuses, columns } = given.jobs;
const pictures = new Map(given.pictures);
const STAGE_WORDS = ['queue and upload', 'waiting', 'rendering', 'downloading'];
const ENDED_BADLY = new Set(['failed', 'canceled']);

const text = (number) => (number === null ? null : texts[number]);

const jobs = (columns.id ?? []).map((id, number) => {
  const way = columns.way[number];
  const seconds = [0, 0, 0, 0];
  for (let at = 0; at < way.length; at += 3) seconds[way[at]] += (way[at + 2] - way[at + 1]) / 10;
  return {
    number, id, way, seconds,
    name: columns.name[number],
    status: statuses[columns.status[number]],
    mode: text(columns.mode[number]),
    tags: columns.tags[number].map((tag) => tags[tag]),
    tagNumbers: columns.tags[number],
    video: text(columns.video[number]),
    audio: text(columns.audio[number]),
    charged: columns.charged[number],
    estimated: columns.estimated[number],
    open: columns.open[number],
    attempts: columns.attempts[number],
    project: columns.project[number],
    tag: columns.tag[number],
    ended: columns.ended[number],
    bytes: columns.bytes[number],
    verdict: text(columns.verdict[number]),
    note: text(columns.note[number]),
    code: text(columns.code[number]),
    stage: text(columns.stage[number]),
    message: text(columns.message[number]),
    output: columns.output[number],
    picture: pictures.get(number) ?? null,
  };
});

// Lower case, and without the marks on letters: `Beyonce` finds `Beyoncé`.
const plain = (words) => words.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

// Made at the first search, then kept: the search goes over every word of a job.
const haystack = (job) => (job.haystack ??= plain([
  job.id, job.name, job.project, job.tag, job.code, job.message, job.video, job.audio,
  job.verdict, job.note,
  ...job.tags.map(([name, value]) => `${name}=${value}`),
].filter(Boolean).join('\n')));

const whole = new Intl.NumberFormat('en');
const count = (number) => whole.format(number);

function duration(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const all = Math.round(seconds);
  const [days, hours, minutes, rest] = [
    Math.floor(all / 86400), Math.floor(all / 3600) % 24, Math.floor(all / 60) % 60, all % 60];
  const two = (number) => String(number).padStart(2, '0');
  if (days) return `${days} d ${two(hours)} h`;
  if (hours) return `${hours} h ${two(minutes)} min`;
  if (minutes >= 10) return `${minutes} min`;
  return minutes ? `${minutes} min ${two(rest)} s` : `${rest} s`;
}

function bytes(size) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) { size /= 1000; unit += 1; }
  return `${unit && size < 100 ? size.toFixed(1) : Math.round(size)} ${units[unit]}`;
}

const DAY_AND_TIME = {
  month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
const inFull = new Intl.DateTimeFormat(undefined, { year: 'numeric', ...DAY_AND_TIME });
const inShort = new Intl.DateTimeFormat(undefined, DAY_AND_TIME);
const moment = (unix, format = inFull) => format.format(new Date(unix * 1000));

// Elements are made one by one, and words set as text: no name is ever read as HTML.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === 'class') made.className = value;
    else made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
