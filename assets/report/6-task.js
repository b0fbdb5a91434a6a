// One task, large.
const dialog = el('dialog', { 'aria-label': 'task', onclose: () => closed() });

function open(place) {
  opened = place;
  const task = chosen[place];
  dialog.replaceChildren(details(task, place));
  if (!dialog.open) dialog.showModal();
  dialog.querySelector('.close').focus();
}

function closed() {
  const place = opened;
  opened = null;
  document.querySelector(`[data-place="${place}"]`)?.focus();
}

const step = (by) => {
  const next = opened + by;
  if (opened !== null && next >= 0 && next < chosen.length) open(next);
};

function details(task, place) {
  const source = isLink(task.image_link) ? task.image_link : task.thumb;
  const picture = isLink(source)
    ? el('img', { src: source, alt: altOf(task) })
    : el('p', { class: 'empty' }, task.error ?? t('noImage'));
  return el(
    'article',
    { class: tone(task) },
    el(
      'div',
      { class: 'bar-top' },
      el('h2', {}, `${task.index}. ${task.name}`),
      el(
        'span',
        { class: 'state' },
        task.status === 'completed' ? verdictText(task.verdict) : statusText(task.status),
      ),
      el(
        'button',
        { type: 'button', disabled: place === 0, onclick: () => step(-1), 'aria-label': t('previous') },
        '←',
      ),
      el(
        'button',
        {
          type: 'button',
          disabled: place === chosen.length - 1,
          onclick: () => step(1),
          'aria-label': t('next'),
        },
        '→',
      ),
      el('button', { type: 'button', class: 'close', onclick: () => dialog.close() }, t('close')),
    ),
    el(
      'div',
      { class: 'columns' },
      el('div', { class: 'large' }, picture, references(task)),
      el('div', { class: 'facts-of', tabindex: '0' }, ...factsOf(task)),
    ),
  );
}

function references({ references: all }) {
  if (all.length === 0) return null;
  const each = all.map(({ name, thumb, sha256 }) =>
    el(
      'figure',
      {},
      isLink(thumb)
        ? el('img', { src: thumb, alt: name, loading: 'lazy' })
        : el('span', { class: 'empty' }, t('noImage')),
      el('figcaption', { title: sha256 }, name),
    ),
  );
  return el('section', { class: 'references' }, el('h3', {}, t('references')), ...each);
}

function factsOf(task) {
  return [
    el('h3', {}, t('prompt')),
    el('p', { class: 'prompt' }, task.prompt, copyButton(task.prompt)),
    ...addedTo(task),
    ...(task.error === null ? [] : [el('p', { class: 'error' }, task.error)]),
    ...rulesOf(task),
    el('h3', {}, t('record')),
    recordOf(task),
    el('h3', {}, t('attempts')),
    attemptsOf(task),
    linksOf(task),
  ];
}

function addedTo({ prompt_added, safety_rules }) {
  if (prompt_added === '') return [];
  return [
    el('h3', {}, `${t('added')} (${safety_rules.join(', ')})`),
    el('p', { class: 'prompt dim' }, prompt_added),
  ];
}

function rulesOf({ broken }) {
  if (broken.length === 0) return [];
  const sentence = ({ en, zh, found }) =>
    ` ${lang === 'zh' ? zh : en}${found === undefined ? '' : ` (${found})`}`;
  const items = broken.map((rule) => el('li', {}, el('code', {}, rule.id), sentence(rule)));
  return [el('h3', {}, t('rules')), el('ul', { class: 'rules' }, ...items)];
}

function recordOf(task) {
  const { image, evidence } = task;
  const level = (name) =>
    evidence[name] === null ? '–' : `${stateText(evidence[name])}: ${evidence[name].detail}`;
  const rows = [
    ['provider', `${task.provider}/${task.model}`],
    ['mode', `${task.mode} · ${task.size}`],
    ['image', image === null ? null : `${image.width}x${image.height}, ${image.bytes} B`],
    ...Object.entries(task.proof),
    [t('signature'), level('signature')],
    [t('c2pa'), level('c2pa')],
    [t('folder'), task.run_dir],
    [t('adopted'), task.adopted_from],
  ];
  const told = rows.filter(([, value]) => value !== null && value !== '');
  return el(
    'dl',
    { class: 'record' },
    ...told.flatMap(([name, value]) => [
      el('dt', {}, name),
      el('dd', {}, el('span', {}, value), copyButton(value)),
    ]),
  );
}

function attemptsOf({ attempts }) {
  const text = ({ started_at, category, http_status, billing, worker }) =>
    `${timeText(started_at)} · ${category ?? http_status ?? ''} · ${t('billing')}: ${billing} · ${worker}`;
  return el('ol', { class: 'attempts' }, ...attempts.map((attempt) => el('li', {}, text(attempt))));
}

function linksOf({ image_link, result_link }) {
  const links = [
    [image_link, t('original')],
    [result_link, t('resultFile')],
  ].filter(([link]) => isLink(link));
  return el(
    'p',
    {},
    ...links.map(([href, text]) => el('a', { href, target: '_blank', rel: 'noreferrer' }, text)),
  );
}

function copyButton(value) {
  const button = el(
    'button',
    {
      type: 'button',
      class: 'copy',
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
    const area = el('textarea', { class: 'offscreen' });
    area.value = text;
    (dialog.open ? dialog : document.body).append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
}
