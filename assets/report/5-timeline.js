// Timeline: one lane for each slot of a worker.
function timeline() {
  const bars = chosen.flatMap((task, place) =>
    task.attempts
      .filter(({ started_at }) => !Number.isNaN(Date.parse(started_at)))
      .map((attempt) => ({
        task,
        place,
        attempt,
        from: Date.parse(attempt.started_at),
        to: Date.parse(attempt.ended_at ?? batch.as_of),
      })),
  );
  if (bars.length === 0) return el('p', { class: 'none' }, t('nothing'));
  const start = Math.min(...bars.map(({ from }) => from));
  const whole = Math.max(1, Math.max(...bars.map(({ to }) => to)) - start);
  const slots = [...new Set(bars.map(({ attempt }) => attempt.worker))].sort((a, b) => a.localeCompare(b));
  const minutes = (ms) =>
    `${Math.floor(ms / 60_000)}:${String(Math.floor((ms % 60_000) / 1000)).padStart(2, '0')}`;
  const ticks = [0, 0.25, 0.5, 0.75, 1].map((part) => el('span', {}, minutes(part * whole)));
  const lanes = slots.map((slot) =>
    el(
      'div',
      { class: 'lane' },
      el('span', { class: 'slot' }, slot),
      el(
        'div',
        { class: 'bars' },
        ...bars
          .filter(({ attempt }) => attempt.worker === slot)
          .map(({ task, place, attempt, from, to }) => {
            const isGood = attempt.category === null && attempt.ended_at !== null;
            const bar = el(
              'button',
              {
                type: 'button',
                class: `bar ${isGood ? 'good' : 'bad'}`,
                onclick: () => open(place),
                title: `${task.index}. ${task.name} · ${attempt.attempt} · ${attempt.category ?? attempt.http_status ?? ''} · ${Math.round((to - from) / 1000)} s · ${t('billing')}: ${attempt.billing}`,
                'aria-label': `${task.index}. ${task.name}, ${attempt.attempt}`,
              },
              String(task.index),
            );
            bar.style.left = `${((from - start) / whole) * 100}%`;
            bar.style.width = `${Math.max(0.15, ((to - from) / whole) * 100)}%`;
            return bar;
          }),
      ),
    ),
  );
  return el('div', { class: 'timeline' }, ...lanes, el('div', { class: 'ticks' }, ...ticks));
}
