// Timeline: one lane for each slot of a worker, one bar for each request, a thin line for each wait between two.
function timeline() {
  const bars = chosen.flatMap((task, place) => barsOf(task, place));
  if (bars.length === 0) return el('p', { class: 'none' }, t('nothing'));
  const start = Math.min(...bars.map(({ from }) => from));
  const whole = Math.max(1, Math.max(...bars.map(({ to }) => to)) - start);
  const slots = [...new Set(bars.map(({ slot }) => slot))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => el('span', {}, clockText(start + part * whole)));
  return el(
    'section',
    { class: 'timeline', 'aria-label': t('timeline') },
    el(
      'div',
      { class: 'lanes', tabindex: '0' },
      ...slots.map((slot) =>
        lane(
          slot,
          bars.filter((bar) => bar.slot === slot),
          { start, whole },
        ),
      ),
      el('div', { class: 'ticks' }, ...ticks),
    ),
    el(
      'p',
      { class: 'legend dim' },
      ...['Good', 'Bad', 'Open', 'Wait'].map((kind) =>
        el('span', {}, el('i', { class: `key ${kind.toLowerCase()}` }), t(`legend${kind}`)),
      ),
      el('span', {}, 'UTC'),
    ),
  );
}

function barsOf(task, place) {
  return task.attempts
    .filter(({ started_at }) => started_at !== null)
    .map((attempt, i) => {
      const from = Date.parse(attempt.started_at);
      const isOpen = attempt.ended_at === null && OPEN.has(task.status);
      // Of one that was cut off nobody knows when.
      const to = Math.max(from, Date.parse(attempt.ended_at ?? (isOpen ? batch.as_of : attempt.started_at)));
      const next = task.attempts[i + 1]?.started_at ?? (OPEN.has(task.status) ? attempt.next_at : null);
      const kind = isOpen ? 'open' : attempt.ended_at !== null && attempt.category === null ? 'good' : 'bad';
      return {
        task,
        place,
        attempt,
        from,
        to,
        kind,
        slot: attempt.worker,
        until: next === null ? to : Date.parse(next),
      };
    });
}

function lane(slot, bars, { start, whole }) {
  const place = (element, from, to) => {
    element.style.left = `${((from - start) / whole) * 100}%`;
    element.style.width = `${Math.max(0.15, ((to - from) / whole) * 100)}%`;
    return element;
  };
  const waits = bars
    .filter(({ to, until }) => until > to && until <= start + whole)
    .map(({ to, until }) => place(el('span', { class: 'wait' }), to, until));
  return el(
    'div',
    { class: 'lane' },
    el('span', { class: 'slot', title: slot }, slot.split('/').at(-1) || '–'),
    el('div', { class: 'bars' }, ...waits, ...bars.map((bar) => place(barButton(bar), bar.from, bar.to))),
  );
}

function barButton({ task, place, attempt, from, to, kind }) {
  const took =
    kind === 'open'
      ? t('underWay')
      : attempt.ended_at === null
        ? t('cutOff')
        : secondsText(Math.round((to - from) / 1000));
  const said = [
    `${task.index}. ${task.name}`,
    `${attempt.attempt}`,
    attempt.category ?? attempt.http_status,
    took,
    billingText(attempt.billing),
  ]
    .filter((part) => part !== null && part !== '')
    .join(' · ');
  return el(
    'button',
    { type: 'button', class: `bar ${kind}`, onclick: () => open(place), title: said, 'aria-label': said },
    String(task.index),
  );
}
