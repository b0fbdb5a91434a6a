// Frames. Each is made once for a language: filters and sorting only move them.
const made = new Map();

function frame(task, place) {
  const element = made.get(task) ?? newFrame(task);
  made.set(task, element);
  element.firstChild.dataset.place = String(place);
  return element;
}

function newFrame(task) {
  const facts = [
    task.mode,
    task.seconds === null ? null : secondsText(task.seconds),
    bytesText(task.image?.bytes) || null,
  ].filter(Boolean);
  return el(
    'li',
    { class: `frame ${tone(task)}` },
    el(
      'button',
      {
        type: 'button',
        class: 'picture',
        'aria-label': `${task.index}. ${task.name}, ${taskState(task)}`,
        onclick: (event) => open(Number(event.currentTarget.dataset.place)),
      },
      pictureOf(task),
      smallReferences(task),
    ),
    el(
      'div',
      { class: 'caption' },
      el('span', { class: 'number' }, numberText(task)),
      el('span', { class: 'name', title: task.name }, task.name),
      el('span', { class: 'state' }, taskState(task)),
      el('span', { class: 'dim wide' }, facts.join(' · ')),
    ),
  );
}

function pictureOf(task) {
  return isLink(task.thumb)
    ? el('img', { src: task.thumb, alt: altOf(task), loading: 'lazy', decoding: 'async' })
    : el(
        'span',
        { class: 'empty' },
        task.error ?? (OPEN.has(task.status) ? statusText(task.status) : t('noImage')),
      );
}

/** What it was made from, beside what came of it. */
function smallReferences({ references }) {
  const shown = references.filter(({ thumb }) => isLink(thumb));
  if (shown.length === 0) return null;
  return el(
    'span',
    { class: 'small-references' },
    ...shown.map(({ thumb }) => el('img', { src: thumb, alt: '', loading: 'lazy', decoding: 'async' })),
  );
}

function sheet() {
  if (chosen.length === 0) return el('p', { class: 'none' }, t('nothing'));
  return el('ol', { class: 'sheet' }, ...chosen.map(frame));
}
