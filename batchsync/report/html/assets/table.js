// The table of jobs: filters, order, pages, and what is known of one job.

const PAGE = 50;
const MOST_PRINTED = 1000;

const COLUMNS = [
  { key: 'picture', label: '' },
  { key: 'id', label: 'Job', order: (job) => plain(job.id) },
  { key: 'status', label: 'Status', order: (job) => statuses.indexOf(job.status) },
  { key: 'tags', label: 'Tags', order: (job) => job.tags.map(([, value]) => value).join(' ') },
  { key: 'mode', label: 'Mode', order: (job) => job.mode },
  { key: 'charged', label: 'Credits', order: (job) => job.charged, numeric: true },
  { key: 'rendering', label: 'Rendering', order: (job) => job.seconds[2], numeric: true },
  { key: 'ended', label: 'Ended', order: (job) => job.ended, numeric: true },
];

const view = { page: 0, size: PAGE, sort: null, descending: false, statuses: new Set(), found: jobs };
const byId = (id) => document.getElementById(id);
const listeners = [];

function matching() {
  const words = plain(byId('search').value).split(/\s+/).filter(Boolean);
  const [mode, tag, code, verdict] = ['mode', 'tag', 'code', 'verdict'].map((id) => byId(id).value);
  return jobs.filter((job) =>
    (!view.statuses.size || view.statuses.has(job.status))
    && (!mode || job.mode === mode)
    && (!tag || job.tagNumbers.includes(Number(tag)))
    && (!code || job.code === code)
    && (!verdict || job.verdict === verdict)
    && words.every((word) => haystack(job).includes(word)));
}

// `job-2` comes before `job-10`.
const { compare: compareTexts } = new Intl.Collator(undefined, { numeric: true });
const compare = (one, other) => (typeof one === 'string' ? compareTexts(one, other) : one - other);

function ordered(found) {
  const column = COLUMNS.find(({ key }) => key === view.sort);
  if (!column) return found;
  const keyed = found.map((job) => [column.order(job), job]);
  const sign = view.descending ? -1 : 1;
  // What has no value comes last either way.
  keyed.sort(([one, first], [other, second]) =>
    (one === null) - (other === null) || (one === null ? 0 : sign * compare(one, other))
    || first.number - second.number);
  return keyed.map(([, job]) => job);
}

function refresh() {
  view.found = ordered(matching());
  view.page = 0;
  draw();
  for (const listener of listeners) listener(view.found);
}

function draw() {
  const pages = Math.max(1, Math.ceil(view.found.length / view.size));
  view.page = Math.min(Math.max(0, view.page), pages - 1);
  const begin = view.page * view.size;
  const shown = view.found.slice(begin, begin + view.size);
  byId('rows').replaceChildren(...shown.map(row));
  byId('table').hidden = !shown.length;
  byId('table').classList.toggle('plain', !shown.some((job) => job.picture));
  byId('none').hidden = Boolean(shown.length);
  const filtered = view.found.length !== jobs.length;
  const range = shown.length < view.found.length
    ? `${count(begin + 1)}–${count(begin + shown.length)} of ` : '';
  const noun = view.found.length === 1 ? 'job' : 'jobs';
  byId('found').textContent = `${range}${count(view.found.length)} ${noun}`
    + (filtered ? ` that fit, of ${count(jobs.length)}` : '');
  byId('clear').hidden = !filtered && !view.statuses.size && !byId('search').value;
  byId('pages').hidden = pages === 1;
  byId('page').textContent = `Page ${count(view.page + 1)} of ${count(pages)}`;
  for (const id of ['first', 'previous']) byId(id).disabled = view.page === 0;
  for (const id of ['following', 'last']) byId(id).disabled = view.page === pages - 1;
  drawHeads();
}

function drawHeads() {
  for (const head of byId('heads').children) {
    const sorted = head.dataset.key === view.sort;
    if (sorted) head.setAttribute('aria-sort', view.descending ? 'descending' : 'ascending');
    else head.removeAttribute('aria-sort');
  }
  byId('order').value = view.sort ? `${view.sort} ${view.descending ? 'down' : 'up'}` : '';
}

const slug = (words) => words.replaceAll(' ', '-');
const pill = (status) => element('span', { class: 'pill' },
  element('i', { class: `dot s-${slug(status)}` }), status);

function picture(job) {
  const image = job.picture
    ? element('img', { src: job.picture, alt: '', width: 72, height: 48, decoding: 'async' })
    : element('span', { class: 'blank' });
  return job.output
    ? element('a', { href: job.output, target: '_blank', rel: 'noopener', tabindex: -1,
      'aria-hidden': 'true' }, image)
    : image;
}

function row(job) {
  const toggle = element('button', { type: 'button', class: 'toggle', 'aria-expanded': 'false' },
    element('bdi', {}, job.id));
  const links = job.output
    ? element('a', { href: job.output, target: '_blank', rel: 'noopener', class: 'open',
      'aria-label': `Open the output of ${job.id}` }, 'open')
    : null;
  const gone = job.status === 'done' && !job.output
    ? element('span', { class: 'note bad' }, 'output missing') : null;
  const cells = {
    picture: [picture(job)],
    id: [toggle, links, gone,
      job.name ? element('div', { class: 'note', dir: 'auto' }, job.name) : null,
      job.note ? element('div', { class: 'note', dir: 'auto' }, `“${job.note}”`) : null,
      job.message ? element('div', { class: 'message', dir: 'auto' }, job.message) : null],
    status: [pill(job.status), job.verdict
      ? element('div', { class: `note v-${job.verdict}` }, job.verdict) : null],
    tags: job.tags.map(([name, value]) => element('span', { class: 'tag', title: name },
      element('bdi', {}, value))),
    mode: [job.mode],
    charged: [count(job.charged), job.open
      ? element('div', { class: 'note' }, `+ ${count(job.open)} open`) : null],
    rendering: job.seconds[2] ? [duration(job.seconds[2])] : [],
    ended: job.ended === null ? []
      : [element('span', { title: moment(job.ended) }, moment(job.ended, inShort))],
  };
  const made = element('tr', {}, ...COLUMNS.map(({ key, label, numeric }) => element('td',
    { class: `k-${key}${numeric ? ' n' : ''}`, 'data-label': label },
    ...cells[key].filter((cell) => cell !== null))));
  toggle.addEventListener('click', () => unfold(job, made, toggle));
  return made;
}

function unfold(job, made, toggle) {
  const open = toggle.getAttribute('aria-expanded') === 'true';
  toggle.setAttribute('aria-expanded', String(!open));
  if (open) made.nextElementSibling.remove();
  else made.after(element('tr', { class: 'more' },
    element('td', { colspan: COLUMNS.length }, details(job))));
}

function details(job) {
  const facts = [
    ['Video', job.video], ['Audio', job.audio],
    ...job.tags.map(([name, value]) => [name, value]),
    ['Mode', job.mode], ['Ended', job.ended === null ? null : moment(job.ended)],
    ['Project', job.project], ['Tag in the library', job.tag],
    ['Attempts', job.attempts || null],
    ['Credits', `${count(job.charged)} charged of ${count(job.estimated)} estimated`],
    ['Output', job.bytes === null ? null : bytes(job.bytes)],
    ...job.seconds.map((seconds, stage) => [STAGE_WORDS[stage], seconds ? duration(seconds) : null]),
    ['Stopped at', job.stage && `${job.stage}: ${job.code}`],
  ];
  return element('dl', { class: 'facts' }, ...facts.filter(([, fact]) => fact !== null)
    .map(([name, fact]) => element('div', {},
      element('dt', { dir: 'auto' }, name), element('dd', { dir: 'auto' }, String(fact)))));
}
