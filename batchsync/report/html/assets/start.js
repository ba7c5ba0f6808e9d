// Puts everything in motion.

function option(value, label) { return element('option', { value }, label); }

function fillSelect(id, choices) {
  const select = byId(id);
  select.replaceChildren(option('', id === 'order' ? 'manifest order' : 'all'), ...choices);
  select.closest('label').hidden = choices.length < 2 && (id === 'mode' || id === 'tag') || !choices.length;
  select.addEventListener('change', id === 'order' ? resort : refresh);
}

const distinct = (values) => [...new Set(values.filter((value) => value !== null))].sort();

// More values than this are for the search box.
const MOST_VALUES = 100;

function tagChoices() {
  const groups = new Map();
  tags.forEach(([name, value], number) => {
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push([value, number]);
  });
  return [...groups].filter(([, values]) => values.length <= MOST_VALUES).map(([name, values]) =>
    element('optgroup', { label: name }, ...values
      .sort(([one], [other]) => one.localeCompare(other))
      .map(([value, number]) => option(String(number), value))));
}

function resort() {
  const [key, direction] = byId('order').value.split(' ');
  [view.sort, view.descending] = [key || null, direction === 'down'];
  refresh();
}

function sortBy(key) {
  // Up, down, as in the manifest.
  if (view.sort !== key) [view.sort, view.descending] = [key, false];
  else if (!view.descending) view.descending = true;
  else [view.sort, view.descending] = [null, false];
  refresh();
}

function makeHeads() {
  byId('heads').replaceChildren(...COLUMNS.map(({ key, label, order, numeric }) => {
    if (!order) return element('td', { class: `k-${key}` });
    const button = element('button', { type: 'button', class: 'sort' }, label);
    button.addEventListener('click', () => sortBy(key));
    return element('th', { scope: 'col', 'data-key': key, class: `k-${key}${numeric ? ' n' : ''}` },
      button);
  }));
}

function makeChips() {
  byId('statuses').replaceChildren(...statuses.map((status) => {
    const here = jobs.filter((job) => job.status === status).length;
    if (!here) return null;
    const chip = element('button', { type: 'button', class: 'chip', 'aria-pressed': 'false' },
      element('i', { class: `dot s-${slug(status)}` }), `${status} ${count(here)}`);
    chip.addEventListener('click', () => {
      const on = !view.statuses.delete(status);
      if (on) view.statuses.add(status);
      chip.setAttribute('aria-pressed', String(on));
      refresh();
    });
    return chip;
  }).filter(Boolean));
}

function clear() {
  for (const id of ['search', 'mode', 'tag', 'code', 'verdict']) byId(id).value = '';
  view.statuses.clear();
  for (const chip of byId('statuses').children) chip.setAttribute('aria-pressed', 'false');
}

function goToTable() {
  refresh();
  byId('jobs').scrollIntoView();
  byId('jobs').focus({ preventScroll: true });
}

function search(words) {
  clear();
  byId('search').value = words;
  goToTable();
}

function makeTable() {
  fillSelect('mode', distinct(jobs.map((job) => job.mode)).map((mode) => option(mode, mode)));
  fillSelect('code', distinct(jobs.map((job) => job.code)).map((code) => option(code, code)));
  fillSelect('verdict', distinct(jobs.map((job) => job.verdict)).map((said) => option(said, said)));
  fillSelect('tag', tagChoices());
  fillSelect('order', COLUMNS.filter(({ order }) => order).flatMap(({ key, label }) => [
    option(`${key} up`, `${label} ↑`), option(`${key} down`, `${label} ↓`)]));
  makeHeads();
  makeChips();
  byId('search').addEventListener('input', refresh);
  byId('clear').addEventListener('click', () => { clear(); refresh(); byId('search').focus(); });
  const turns = { first: () => 0, previous: () => view.page - 1, following: () => view.page + 1,
    last: () => Infinity };
  for (const [id, turn] of Object.entries(turns)) {
    byId(id).addEventListener('click', () => {
      view.page = turn();
      draw();
      byId('h-jobs').scrollIntoView();
    });
  }
  byId('browser').hidden = !jobs.length;
  refresh();
}

function makeLinks() {
  for (const button of document.querySelectorAll('button.job')) {
    button.addEventListener('click', () => {
      if (button.dataset.job !== undefined) { search(button.dataset.job); return; }
      clear();
      byId('code').value = button.dataset.code;
      goToTable();
    });
  }
  for (const button of document.querySelectorAll('button.copy')) {
    if (!navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener('click', async () => {
      await navigator.clipboard.writeText(button.previousElementSibling.textContent);
      button.textContent = 'Copied';
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    });
  }
}

for (const time of document.querySelectorAll('time')) {
  const unix = Number(time.getAttribute('datetime'));
  time.textContent = moment(unix);
  time.setAttribute('datetime', new Date(unix * 1000).toISOString());
}
makeTable();
makeLinks();
// For those who drive the page: what stands, and can be used.
document.documentElement.dataset.ready = 'table';

// Paper has no pages to turn.
window.addEventListener('beforeprint', () => { view.size = MOST_PRINTED; view.page = 0; draw(); });
window.addEventListener('afterprint', () => { view.size = PAGE; draw(); });

requestAnimationFrame(() => setTimeout(async () => {
  try {
    if (byId('chart-timeline') || byId('chart-credits')) {
      await unpack();
      drawCurves();
      drawTimeline(view.found);
      let pause;
      // Whoever types wants the table at once, and the drawing when the word is finished.
      listeners.push((found) => { clearTimeout(pause); pause = setTimeout(drawTimeline, 150, found); });
    }
    document.documentElement.dataset.ready = 'charts';
  } catch (error) {
    for (const box of document.querySelectorAll('.chart')) {
      box.textContent = 'This browser can\'t draw the charts.';
    }
    throw error;
  }
}));
