// Header and filters.
function header() {
  const count = (of) => tasks.filter(of).length;
  const facts = [
    [String(count((task) => task.status === 'completed')), t('completed')],
    [String(count((task) => task.status !== 'completed' && !OPEN.has(task.status))), t('failed')],
    ...(batch.has_ended ? [] : [[String(count((task) => OPEN.has(task.status))), t('running')]]),
    [`${count((task) => task.verdict === 'proven')} ${t('of')} ${batch.total}`, t('proven')],
    [moneyText(batch.cost), t('spent')],
    ...(batch.cost.possible > 0 ? [[String(batch.cost.possible), t('possibly')]] : []),
  ];
  const models = [...new Set(tasks.map(({ provider, model }) => `${provider}/${model}`))].join(', ');
  return el(
    'header',
    {},
    el(
      'div',
      { class: 'title' },
      el('h1', {}, batch.name),
      el(
        'p',
        { class: 'dim' },
        `${models} · ${t('asOf')} ${timeText(batch.as_of)} · ${batch.has_ended ? t('ended') : t('notEnded')}`,
      ),
    ),
    el(
      'dl',
      { class: 'facts' },
      ...facts.map(([value, name]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))),
    ),
    el(
      'p',
      { class: 'dim levels' },
      `${t('batch')} ${batch.id}: ${verdictText(batch.verdict)} · ${t('signature')}: ${stateText(batch.evidence.signature)}`,
    ),
  );
}

function select(name, values, label = (value) => value) {
  const options = values.map(([value, text]) =>
    el('option', { value, selected: view[name] === value }, label(text)),
  );
  return el(
    'label',
    {},
    el('span', {}, t(name)),
    el('select', { 'data-field': name, onchange: (event) => set(name, event.target.value) }, ...options),
  );
}

function controls() {
  const statuses = [...new Set(tasks.map(({ status }) => status))];
  const modes = [...new Set(tasks.map(({ mode }) => mode))];
  const search = el('input', {
    type: 'search',
    id: 'search',
    value: view.text,
    placeholder: t('search'),
    'aria-label': t('search'),
    oninput: (event) => set('text', event.target.value, false),
  });
  const size = el('input', {
    type: 'range',
    min: '140',
    max: '420',
    step: '20',
    value: String(view.size),
    oninput: (event) => {
      view.size = Number(event.target.value);
      remember('size', String(view.size));
      document.documentElement.style.setProperty('--frame', `${view.size}px`);
    },
  });
  const button = (text, act, pressed) =>
    el('button', { type: 'button', onclick: act, 'aria-pressed': pressed }, text);
  return el(
    'nav',
    { class: 'controls', 'aria-label': t('sheet') },
    button(t('sheet'), () => set('tab', 'sheet'), String(view.tab === 'sheet')),
    button(t('timeline'), () => set('tab', 'timeline'), String(view.tab === 'timeline')),
    search,
    select('status', [['', t('all')], ...statuses.map((one) => [one, statusText(one)])]),
    select('mode', [['', t('all')], ...modes.map((one) => [one, one])]),
    select('proof', [
      ['', t('all')],
      ['proven', t('proven')],
      ['unproven', t('unproven')],
    ]),
    select(
      'sort',
      Object.keys(SORTS).map((one) => [one, t(one)]),
    ),
    el('label', {}, el('span', {}, t('size')), size),
    button(lang === 'zh' ? 'English' : '中文', switchLanguage, null),
    button(t('theme'), switchTheme, null),
  );
}
