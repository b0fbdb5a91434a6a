// Keys, language, theme.
function set(name, value, whole = true) {
  view[name] = value;
  if (!whole) {
    drawBody();
    return;
  }
  draw();
  document.querySelector('[aria-pressed="true"]').focus();
}

function switchLanguage() {
  lang = lang === 'zh' ? 'en' : 'zh';
  made.clear();
  remember('lang', lang);
  draw();
  document.querySelector('.quiet button').focus();
}

function switchTheme() {
  const isDark = getComputedStyle(document.documentElement).colorScheme.trim() === 'dark';
  applyTheme(isDark ? 'light' : 'dark');
}

function applyTheme(theme) {
  document.documentElement.dataset.theme = theme;
  remember('theme', theme);
}

document.addEventListener('keydown', (event) => {
  const isTyping = /^(?:INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (dialog.open) {
    if (event.key === 'ArrowLeft') step(-1);
    if (event.key === 'ArrowRight') step(1);
    return;
  }
  if (event.key === '/' && !isTyping) {
    event.preventDefault();
    document.getElementById('search').focus();
  } else if (event.key === 'Escape' && event.target.id === 'search') {
    event.target.value = '';
    set('text', '', false);
  } else if (event.key.startsWith('Arrow') && !isTyping && event.target.dataset.place !== undefined)
    moveFocus(event);
});

/** Along the grid as it lies on the screen. */
function moveFocus(event) {
  const all = [...document.querySelectorAll('.picture')];
  const at = Number(event.target.dataset.place);
  const columns = getComputedStyle(event.target.closest('.sheet')).gridTemplateColumns.split(' ').length;
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key] ?? 0;
  const next = all[at + by];
  if (next === undefined) return;
  event.preventDefault();
  next.focus();
}

const main = el('main', {});

function drawBody() {
  choose();
  const shown = el(
    'p',
    { class: 'dim shown', role: 'status' },
    `${chosen.length} ${t('of')} ${tasks.length} ${t('shown')}`,
    el('span', { class: 'keys' }, ` · ${t('keys')}`),
  );
  main.replaceChildren(shown, view.tab === 'timeline' ? timeline() : sheet());
}

function draw() {
  document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
  drawBody();
  document.body.replaceChildren(header(), controls(), main, dialog);
}

const theme = remembered('theme');
if (theme === 'dark' || theme === 'light') applyTheme(theme);
document.documentElement.style.setProperty('--frame', `${view.size}px`);
draw();
