// Header and filters.
function header() {
  const models = [
    ...new Set(
      tasks.map(({ provider, model }) => [provider, model].filter(Boolean).join('/')).filter(Boolean),
    ),
  ].join(', ');
  const state = batch.has_ended ? t('ended') : t('notEnded');
  return el(
    'header',
    {},
    el(
      'div',
      { class: 'title' },
      el('p', { class: 'dim' }, `${t(batch.kind)} ${batch.id}`),
      el('h1', {}, batch.name),
      el(
        'p',
        { class: 'dim' },
        [models, `${t('asOf')} ${timeText(batch.as_of)}`, state].filter(Boolean).join(' · '),
      ),
    ),
    el(
      'dl',
      { class: 'facts' },
      ...facts().map(([value, name, tone]) =>
        el('div', { class: tone }, el('dt', {}, name), el('dd', {}, value)),
      ),
    ),
    proofOfBatch(),
  );
}

function facts() {
  const count = (of) => tasks.filter(of).length;
  const isOpen = (task) => OPEN.has(task.status);
  const proven = count((task) => task.verdict === 'proven');
  const failed = count((task) => task.status !== 'completed' && !isOpen(task));
  return [
    [String(count((task) => task.status === 'completed')), t('completed'), ''],
    ...(batch.has_ended && count(isOpen) === 0 ? [] : [[String(count(isOpen)), t('running'), 'open']]),
    ...(failed === 0 ? [] : [[String(failed), t('failed'), 'bad']]),
    [`${proven} ${t('of')} ${batch.total}`, t('proven'), proven === batch.total ? 'good' : ''],
    [spentText(batch.cost), t('spent'), ''],
    ...(batch.cost.possible > 0 ? [[possiblyText(batch.cost), t('possibly'), 'open']] : []),
  ];
}

/** Whether the records are one whole, and why not. */
function proofOfBatch() {
  const { verdict, evidence, broken, note, warnings } = batch;
  const tone = verdict === 'proven' ? 'good' : verdict === 'unfinished' ? 'open' : 'bad';
  const told = [
    ...broken.map((rule) => ruleText(rule)),
    ...(broken.length === 0 && tone === 'bad' && note ? [note] : []),
  ];
  return el(
    'div',
    { class: `levels ${tone}` },
    el('span', { class: 'state' }, `${t('batchProof')}: ${verdictText(verdict)}`),
    el('span', { class: 'dim' }, `${t('signature')}: ${stateText(evidence.signature)}`),
    told.length === 0 ? null : el('ul', { class: 'rules' }, ...told.map((text) => el('li', {}, text))),
    warnings.length === 0
      ? null
      : el('ul', { class: 'rules dim' }, ...warnings.map((text) => el('li', {}, text))),
  );
}

const ruleText = ({ en, zh, found }) =>
  `${lang === 'zh' ? zh : en}${found === undefined ? '' : ` (${found})`}`;

function select(name, values) {
  const options = values.map(([value, text]) =>
    el('option', { value, selected: view[name] === value }, text),
  );
  return el(
    'select',
    {
      'aria-label': t(name),
      class: view[name] === '' || view[name] === 'order' ? null : 'set',
      onchange: (event) => {
        event.target.classList.toggle('set', !['', 'order'].includes(event.target.value));
        set(name, event.target.value, false);
      },
    },
    ...options,
  );
}

function controls() {
  const statuses = [...new Set(tasks.map(({ status }) => status))];
  const modes = [...new Set(tasks.map(({ mode }) => mode))];
  const tab = (name) =>
    el(
      'button',
      { type: 'button', onclick: () => set('tab', name), 'aria-pressed': String(view.tab === name) },
      t(name),
    );
  return el(
    'nav',
    { class: 'controls', 'aria-label': t('sheet') },
    el('span', { class: 'tabs' }, tab('sheet'), tab('timeline')),
    el('input', {
      type: 'search',
      id: 'search',
      value: view.text,
      placeholder: t('search'),
      'aria-label': t('searchIn'),
      oninput: (event) => set('text', event.target.value, false),
    }),
    select('status', [['', t('anyStatus')], ...statuses.map((one) => [one, statusText(one)])]),
    select('mode', [['', t('anyMode')], ...modes.map((one) => [one, one])]),
    select('proof', [
      ['', t('anyProof')],
      ['proven', t('proven')],
      ['unproven', t('unproven')],
    ]),
    select(
      'sort',
      Object.keys(SORTS).map((one) => [one, t(one)]),
    ),
    el('label', { class: 'size' }, el('span', {}, t('size')), sizeSlider()),
    el(
      'span',
      { class: 'quiet' },
      el(
        'button',
        { type: 'button', onclick: switchLanguage, lang: lang === 'zh' ? 'en' : 'zh-CN' },
        lang === 'zh' ? 'English' : '中文',
      ),
      el('button', { type: 'button', onclick: switchTheme }, t('theme')),
    ),
  );
}

function sizeSlider() {
  return el('input', {
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
}
