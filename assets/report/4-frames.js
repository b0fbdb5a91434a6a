// Frames.
function frame(task, place) {
  const picture = isLink(task.thumb)
    ? el('img', { src: task.thumb, alt: altOf(task), loading: 'lazy', decoding: 'async' })
    : el('span', { class: 'empty' }, task.error ?? t('noImage'));
  const facts = [
    task.mode,
    task.seconds === null ? null : `${task.seconds} ${t('seconds')}`,
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
        'data-place': String(place),
        'aria-label': `${task.index}. ${task.name}`,
        onclick: () => open(place),
      },
      picture,
    ),
    el(
      'div',
      { class: 'caption' },
      el('span', { class: 'number' }, String(task.index).padStart(String(batch.total).length, '0')),
      el('span', { class: 'name', title: task.name }, task.name),
      el(
        'span',
        { class: 'state' },
        task.status === 'completed' ? verdictText(task.verdict) : statusText(task.status),
      ),
      el('span', { class: 'dim wide' }, facts.join(' · ')),
    ),
  );
}

function sheet() {
  if (chosen.length === 0) return el('p', { class: 'none' }, t('nothing'));
  return el('ol', { class: 'sheet' }, ...chosen.map(frame));
}
