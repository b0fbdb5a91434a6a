// One task, large.
const dialog = el('dialog', {
  'aria-labelledby': 'task-name',
  onclose: () => closed(),
  onclick: (event) => event.target === dialog && dialog.close(),
});

function open(place) {
  opened = place;
  dialog.replaceChildren(details(chosen[place], place));
  if (!dialog.open) dialog.showModal();
  dialog.querySelector('.close').focus();
}

function closed() {
  const place = opened;
  opened = null;
  document.querySelector(`.picture[data-place="${place}"]`)?.focus();
}

const step = (by) => {
  const next = opened + by;
  if (opened !== null && next >= 0 && next < chosen.length) open(next);
};

function details(task, place) {
  const move = (by, text, label) =>
    el(
      'button',
      {
        type: 'button',
        disabled: chosen[place + by] === undefined,
        onclick: () => step(by),
        'aria-label': label,
      },
      text,
    );
  return el(
    'article',
    { class: tone(task) },
    el(
      'div',
      { class: 'bar-top' },
      el('span', { class: 'number' }, numberText(task)),
      el('h2', { id: 'task-name' }, task.name),
      el('span', { class: 'state' }, taskState(task)),
      move(-1, '←', t('previous')),
      move(1, '→', t('next')),
      el('button', { type: 'button', class: 'close', onclick: () => dialog.close() }, t('close')),
    ),
    el(
      'div',
      { class: 'columns' },
      el('div', { class: 'large', tabindex: '0' }, largePicture(task), references(task)),
      el('div', { class: 'facts-of', tabindex: '0' }, ...factsOf(task)),
    ),
  );
}

function largePicture(task) {
  const source = isLink(task.image_link) ? task.image_link : task.thumb;
  const picture = isLink(source)
    ? el('img', { src: source, alt: altOf(task) })
    : el('p', { class: 'empty' }, t('noImage'));
  return el('figure', { class: 'result' }, picture, el('figcaption', {}, ...linksOf(task)));
}

function linksOf({ image_link, image_name, result_link, thumb }) {
  const link = (href, text) => el('a', { href, target: '_blank', rel: 'noreferrer' }, text);
  return [
    isLink(image_link)
      ? link(image_link, t('original'))
      : isLink(thumb)
        ? `${image_name} (${t('notLinked')})`
        : null,
    isLink(result_link) ? link(result_link, t('resultFile')) : null,
  ];
}

function references({ references: all }) {
  if (all.length === 0) return null;
  const each = all.map(({ name, thumb, link, path }) => {
    const picture = isLink(thumb)
      ? el('img', { src: thumb, alt: name })
      : el('span', { class: 'empty' }, t('notThere'));
    return el(
      'figure',
      {},
      isLink(link) ? el('a', { href: link, target: '_blank', rel: 'noreferrer' }, picture) : picture,
      el('figcaption', { title: path }, name),
    );
  });
  return el('section', { class: 'references' }, el('h3', {}, t('references')), ...each);
}

function factsOf(task) {
  return [
    ...(task.error === null ? [] : [el('p', { class: 'error' }, task.error)]),
    ...listOf(
      t('rules'),
      task.broken.map((rule) => [el('code', {}, rule.id), ` ${ruleText(rule)}`]),
    ),
    ...promptOf(task),
    ...listOf(
      t('warnings'),
      task.warnings.map((text) => [text]),
    ),
    el('h3', {}, t('record')),
    recordOf(task),
    ...attemptsOf(task),
  ];
}

/** As it was written, with what was added to it; or both, where it was changed otherwise. */
function promptOf({ prompt, prompt_sent, prompt_added, safety_rules }) {
  const added = prompt_added === '' ? null : el('ins', {}, prompt_added);
  const told =
    prompt_added === ''
      ? null
      : el(
          'p',
          { class: 'dim' },
          `${t('added')}${safety_rules.length === 0 ? '' : `: ${safety_rules.join(', ')}`}`,
          ' ',
          copyButton(prompt_sent, t('sent')),
        );
  return [
    el('h3', {}, t('prompt'), copyButton(prompt)),
    el('p', { class: 'prompt' }, prompt, added === null ? null : ' ', added),
    told,
    ...(prompt_sent !== '' && prompt_added === ''
      ? [el('h3', {}, t('sent'), copyButton(prompt_sent)), el('p', { class: 'prompt' }, prompt_sent)]
      : []),
  ];
}

function listOf(title, items) {
  if (items.length === 0) return [];
  return [el('h3', {}, title), el('ul', { class: 'rules' }, ...items.map((parts) => el('li', {}, ...parts)))];
}
