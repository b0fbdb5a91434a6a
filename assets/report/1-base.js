// The contact sheet of a batch. Everything from the records goes in as text (`textContent`) or as an encoded link.

const { lang: firstLang, batch, tasks } = JSON.parse(document.getElementById('data').textContent);

const OPEN = new Set(['queued', 'running']);

const remembered = (name) => {
  try {
    return localStorage.getItem(`imgproof-${name}`);
  } catch {
    return null;
  }
};
const remember = (name, value) => {
  try {
    localStorage.setItem(`imgproof-${name}`, value);
  } catch {
    // A page from the disk may have no storage.
  }
};

let lang = ['en', 'zh'].includes(remembered('lang')) ? remembered('lang') : firstLang;
const t = (word) => WORDS[lang][word];
const statusText = (status) => (lang === 'zh' ? (STATUS_ZH[status] ?? status) : status.replaceAll('_', ' '));
const verdictText = (verdict) => (lang === 'zh' ? (VERDICT_ZH[verdict] ?? verdict) : verdict);
const stateText = (finding) =>
  finding === null ? '–' : lang === 'zh' ? (STATE_ZH[finding.state] ?? finding.state) : finding.state;

/** An element; strings among its children are text, never markup. */
function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'class') element.className = value;
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Our own links only: relative to this page. */
const isLink = (link) => typeof link === 'string' && (link.startsWith('./') || link.startsWith('thumbs/'));
const tone = (task) =>
  task.status === 'completed'
    ? task.verdict === 'proven'
      ? 'good'
      : 'bad'
    : OPEN.has(task.status)
      ? 'open'
      : 'bad';
const bytesText = (bytes) =>
  bytes === null || bytes === undefined ? '' : `${(bytes / 1_000_000).toFixed(2)} MB`;
const timeText = (iso) => (typeof iso === 'string' ? `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC` : '–');
const moneyText = (billing) =>
  typeof billing.currency === 'string' && typeof billing.yes_micros === 'number'
    ? `${(billing.yes_micros / 1_000_000).toFixed(2)} ${billing.currency}`
    : `${billing.yes} ${t('requests')}`;

/** What a reader hears instead of the picture. */
function altOf({ prompt, index }) {
  return prompt.trim().slice(0, 200) || `${t('images')} ${index}`;
}
