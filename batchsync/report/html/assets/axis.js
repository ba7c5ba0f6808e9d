// The axis of time worked: runs laid end to end. Its ticks are times of the reader's clock.

const spans = [];
let length = 0;
for (const [begin, seconds] of given.charts.spans) {
  spans.push({ begin, seconds, place: length });
  length += seconds;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
  86400, 172800, 604800];

// A place on the axis as a moment, in unix seconds.
function momentAt(place) {
  const span = spans.findLast((each) => each.place <= place) ?? spans[0];
  return span.begin + Math.min(place - span.place, span.seconds);
}

const clockTime = (seconds) => new Intl.DateTimeFormat(undefined, seconds
  ? { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }
  : { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });

// Round times of the clock between two places, as Plotly wants them.
function ticks(from, to, most) {
  const step = STEPS.find((each) => (to - from) / each <= most) ?? STEPS.at(-1);
  const format = clockTime(step < 60);
  const [values, words] = [[], []];
  let [lastPlace, lastDay] = [-Infinity, null];
  for (const { begin, seconds, place } of spans) {
    if (place + seconds < from || place > to) continue;
    const shift = -60 * new Date(begin * 1000).getTimezoneOffset();
    const first = Math.ceil((Math.max(begin, begin + from - place) + shift) / step) * step - shift;
    for (let unix = first; unix <= begin + Math.min(seconds, to - place); unix += step) {
      const at = place + unix - begin;
      if (at - lastPlace < step * 0.8) continue;
      const date = new Date(unix * 1000);
      const today = day.format(date);
      values.push(at);
      words.push(format.format(date) + (today === lastDay ? '' : `<br>${today}`));
      [lastPlace, lastDay] = [at, today];
    }
  }
  return { tickvals: values, ticktext: words };
}

// Where one run ends and the next begins.
const seams = () => (spans.length > 60 ? [] : spans.slice(1).map(({ place }) => ({
  type: 'line', x0: place, x1: place, yref: 'paper', y0: 0, y1: 1, layer: 'below',
  line: { color: 'rgba(128,128,128,0.5)', width: 1, dash: 'dot' } })));
