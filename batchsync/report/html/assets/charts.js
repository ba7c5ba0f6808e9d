// The charts. Plotly is in the page, packed; it is unpacked when the page stands.

// These go with light and dark alike; text and grid are coloured by the page's own style.
const [BLUE, TEAL, GREY] = ['#4a82d6', '#35a390', '#98a1ab'];
const COLOURS = ['rgba(217,160,78,0.8)', 'rgba(128,140,155,0.32)', BLUE, TEAL, '#d2453b'];
const FAILED = 4;
const QUIET = { displayModeBar: false, responsive: true, showTips: false, doubleClick: 'reset' };
const narrow = () => window.innerWidth < 640;

async function unpack() {
  const packed = Uint8Array.from(atob(byId('library').textContent), (sign) => sign.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  const script = document.createElement('script');
  script.textContent = await new Response(stream).text();
  // Plotly would add a style for its maps, which the page's policy refuses; where an element of
  // that id is there, it does not try.
  for (const [, id] of script.textContent.matchAll(/getElementById\("([0-9a-f]{64})"\)/g)) {
    document.head.append(element('meta', { id }));
  }
  document.head.append(script);
}

function layout(height, extra = {}) {
  return {
    height, margin: { l: narrow() ? 36 : 52, r: 12, t: 8, b: 38 }, showlegend: false, hovermode: 'x unified',
    paper_bgcolor: 'transparent', plot_bgcolor: 'transparent', dragmode: narrow() ? false : 'zoom',
    font: { family: 'system-ui, sans-serif', size: 12 }, shapes: seams(),
    xaxis: { range: [0, length], showgrid: false, zeroline: false,
      ticks: 'outside', ticklen: 5, tickcolor: 'transparent',
      fixedrange: narrow(), ...ticks(0, length, narrow() ? 4 : 9) },
    yaxis: { rangemode: 'tozero', zeroline: false, fixedrange: true, separatethousands: true,
      nticks: 5, gridwidth: 1 },
    ...extra,
  };
}

// Steps that hold to the end of the axis.
function curve(points, colour, name, extra = {}) {
  const all = [...(points.length && points[0][0] > 0 ? [[0, 0]] : []), ...points];
  if (all.length) all.push([length, all.at(-1)[1]]);
  return {
    type: 'scatter', mode: 'lines', name, x: all.map(([x]) => x), y: all.map(([, y]) => y),
    text: all.map(([x]) => moment(momentAt(x))), line: { color: colour, width: 2, shape: 'hv' },
    hovertemplate: `%{y:,.4~r} ${name}<extra></extra>`, ...extra,
  };
}

// After a zoom the ticks are chosen anew, and so is whatever `also` draws.
function keepTicks(chart, also = () => {}) {
  chart.on('plotly_relayout', (change) => {
    if (!Object.keys(change).some((key) => /^[xy]axis\.(range|autorange)/.test(key))) return;
    const [from, to] = chart.layout.xaxis.range;
    window.Plotly.relayout(chart, Object.fromEntries(Object.entries(
      ticks(Math.max(0, from), Math.min(length, to), narrow() ? 4 : 9))
      .map(([key, value]) => [`xaxis.${key}`, value])));
    also();
  });
}

function drawCurves() {
  const { in_flight: flight, estimated, charged } = given.charts;
  const charts = [
    ['chart-flight', 130, [curve(flight, BLUE, 'in flight',
      { fill: 'tozeroy', fillcolor: 'rgba(74,130,214,0.18)' })]],
    ['chart-credits', 260, [curve(estimated, GREY, 'estimated',
      { line: { color: GREY, width: 2, dash: 'dot', shape: 'hv' } }),
    curve(charged, TEAL, 'charged')]],
  ];
  for (const [id, height, traces] of charts) {
    const box = byId(id);
    if (!box) continue;
    window.Plotly.newPlot(box, traces, layout(height), QUIET);
    keepTicks(box);
  }
}

// The timeline is a picture of cells, drawn anew for what is looked at: thousands of jobs stay
// smooth, and a closer look shows each of them.
const timeline = { found: [], first: 0, last: 0, step: 1, from: 0, to: 1, slots: 1 };
const MOST_LINES = 400;
const MOST_SLOTS = 700;

function lines() {
  const { found, first, last } = timeline;
  const step = Math.max(1, (last - first) / MOST_LINES);
  const chosen = [];
  for (let at = first; at < last; at += step) chosen.push(Math.floor(at));
  timeline.step = step;
  return chosen.map((at) => ({ at, job: found[at] }));
}

function cells(job) {
  const { from, to, slots } = timeline;
  const line = new Array(slots).fill(null);
  const slot = (place) => Math.floor((place - from) / (to - from) * slots);
  let end = null;
  for (let at = 0; at < job.way.length; at += 3) {
    const [stage, begin, stop] = [job.way[at], job.way[at + 1] / 10, job.way[at + 2] / 10];
    // A short stage still gets a cell.
    const [first, last] = [slot(begin), Math.max(slot(begin) + 1, slot(stop))];
    for (let cell = Math.max(0, first); cell < Math.min(last, slots); cell += 1) line[cell] = stage;
    end = last;
  }
  if (end !== null && ENDED_BADLY.has(job.status)) {
    for (let cell = end - 1; cell < end + Math.ceil(slots / 200); cell += 1) {
      if (cell >= 0 && cell < slots) line[cell] = FAILED;
    }
  }
  return line;
}

function timelineTrace() {
  timeline.slots = Math.min(MOST_SLOTS, Math.max(60, byId('chart-timeline').clientWidth));
  const shown = lines();
  const width = (timeline.to - timeline.from) / timeline.slots;
  const scale = COLOURS.flatMap((colour, stage) =>
    [[stage / COLOURS.length, colour], [(stage + 1) / COLOURS.length, colour]]);
  return {
    type: 'heatmap', z: shown.map(({ job }) => cells(job)), y: shown.map(({ at }) => at),
    x0: timeline.from + width / 2, dx: width, zmin: -0.5, zmax: COLOURS.length - 0.5,
    colorscale: scale, showscale: false, hoverinfo: 'none', ygap: shown.length < 60 ? 2 : 0,
  };
}

function timelineLayout() {
  const lanes = Math.max(1, timeline.found.length);
  const height = Math.min(460, Math.max(110, 56 + lanes * 14));
  const base = layout(height, { hovermode: 'closest' });
  base.yaxis = { range: [lanes - 0.5, -0.5], fixedrange: narrow(), showgrid: false,
    showticklabels: false, ticks: '', zeroline: false };
  return base;
}

function look() {
  const { xaxis, yaxis } = byId('chart-timeline').layout;
  const lanes = timeline.found.length;
  const [low, high] = yaxis.range.map((edge) => edge + 0.5).sort((one, other) => one - other);
  timeline.first = Math.max(0, Math.floor(low));
  timeline.last = Math.min(lanes, Math.max(timeline.first + 1, Math.ceil(high)));
  timeline.from = Math.max(0, xaxis.range[0]);
  timeline.to = Math.min(length, Math.max(timeline.from + 0.1, xaxis.range[1]));
  noteTimeline();
}

function noteTimeline() {
  const [shown, all] = [lines().length, timeline.last - timeline.first];
  byId('timeline-note').textContent = shown < all
    ? `(${count(shown)} of ${count(all)}, evenly chosen; a closer look shows all)` : '';
}

const RENDERING = 2;

// When the service began with a job; of one that never came so far, when it was last seen.
function started({ way }) {
  for (let at = 0; at < way.length; at += 3) if (way[at] === RENDERING) return way[at + 1];
  return way.at(-1);
}

function drawTimeline(found) {
  const box = byId('chart-timeline');
  if (!box || !window.Plotly) return;
  // In the order in which they began, so that the work is seen to go down the page.
  const begun = found.filter((job) => job.way.length);
  timeline.found = begun.toSorted((one, other) => started(one) - started(other));
  Object.assign(timeline, { first: 0, last: begun.length, from: 0, to: length });
  const fresh = !box.data;
  window.Plotly.react(box, [timelineTrace()], timelineLayout(), QUIET);
  noteTimeline();
  if (!fresh) return;
  keepTicks(box, () => { look(); window.Plotly.restyle(box, redrawn(timelineTrace())); });
  box.on('plotly_hover', ({ points: [point], event }) => tip(point, event));
  box.on('plotly_unhover', () => { byId('tip').hidden = true; });
  box.on('plotly_click', ({ points: [point] }) => search(timeline.found[point.y].id));
}

const redrawn = ({ z, y, x0, dx, ygap }) => ({ z: [z], y: [y], x0: [x0], dx: [dx], ygap: [ygap] });

function tip(point, event) {
  const job = timeline.found[point.y];
  const box = byId('tip');
  const stages = job.seconds.map((seconds, stage) => seconds
    && element('div', {}, `${STAGE_WORDS[stage]} ${duration(seconds)}`)).filter(Boolean);
  box.replaceChildren(element('strong', {}, element('bdi', {}, job.id)), pill(job.status), ...stages);
  box.hidden = false;
  const area = box.parentElement.getBoundingClientRect();
  const left = Math.min(event.clientX - area.left + 14, area.width - box.offsetWidth - 4);
  box.style.left = `${Math.max(0, left)}px`;
  box.style.top = `${event.clientY - area.top + 14}px`;
}
