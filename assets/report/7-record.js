// What proves a task, to read and to copy; its requests one by one.
function recordOf(task) {
  const { image, evidence } = task;
  const level = (name) =>
    evidence[name] === null ? null : `${stateText(evidence[name])}: ${evidence[name].detail}`;
  const field = (name) => FIELDS[lang][name] ?? name;
  const rows = [
    [t('c2pa'), level('c2pa')],
    [t('signature'), level('signature')],
    [field('provider'), [task.provider, task.model].filter(Boolean).join('/')],
    [field('mode'), [task.mode, task.size].filter(Boolean).join(' · ')],
    [field('image'), image === null ? null : `${image.width} × ${image.height}, ${image.bytes} B`],
    ...Object.entries(task.proof).map(([name, value]) => [field(name), value]),
    [t('folder'), task.run_dir],
    [t('adopted'), task.adopted_from],
  ];
  const told = rows.filter(([, value]) => value !== null && value !== '');
  return el(
    'dl',
    { class: 'record' },
    ...told.flatMap(([name, value]) => [
      el('dt', {}, name),
      el('dd', {}, el('span', {}, value), copyButton(value, name)),
    ]),
  );
}

function attemptsOf({ attempts, status, billing }) {
  if (attempts.length === 0) return [];
  const rows = attempts.map((attempt) => {
    const { started_at, ended_at, category, http_status } = attempt;
    const took =
      started_at === null
        ? ''
        : ended_at === null
          ? OPEN.has(status)
            ? t('underWay')
            : t('cutOff')
          : secondsText(Math.round((Date.parse(ended_at) - Date.parse(started_at)) / 1000));
    const cells = [
      attempt.attempt,
      timeText(started_at).slice(11),
      took,
      [category, http_status].filter((part) => part !== null).join(' '),
      billingText(attempt.billing),
      attempt.worker,
    ];
    return el('tr', {}, ...cells.map((cell) => el('td', {}, String(cell))));
  });
  const names = ['', t('started'), t('took'), t('result'), t('billing'), t('worker')];
  const money =
    billing.yes + billing.possible === 0
      ? null
      : [
          billing.yes > 0 ? `${spentText(billing)} ${t('spent')}` : null,
          billing.possible > 0 ? `${possiblyText(billing)} ${t('possibly')}` : null,
        ]
          .filter(Boolean)
          .join(' · ');
  return [
    el('h3', {}, t('attempts')),
    el(
      'table',
      {},
      el(
        'thead',
        {},
        el(
          'tr',
          {},
          ...names.map((name) => el(name === '' ? 'td' : 'th', name === '' ? {} : { scope: 'col' }, name)),
        ),
      ),
      el('tbody', {}, ...rows),
    ),
    money === null ? null : el('p', { class: 'dim' }, money),
  ];
}

function copyButton(value, what) {
  const button = el(
    'button',
    {
      type: 'button',
      class: 'copy',
      'aria-label': what === undefined ? null : `${t('copy')}: ${what}`,
      onclick: async () => {
        await copy(value);
        button.textContent = t('copied');
        setTimeout(() => (button.textContent = t('copy')), 1_200);
      },
    },
    t('copy'),
  );
  return button;
}

/** Pages from the disk have no clipboard in every browser: then by a selection. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = el('textarea', { class: 'offscreen', 'aria-hidden': 'true' });
    area.value = text;
    (dialog.open ? dialog : document.body).append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}
