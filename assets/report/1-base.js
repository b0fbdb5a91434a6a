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
  typeof bytes !== 'number'
    ? ''
    : bytes < 100_000
      ? `${Math.ceil(bytes / 1000)} kB`
      : `${(bytes / 1_000_000).toFixed(2)} MB`;
const timeText = (iso) => (typeof iso === 'string' ? `${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC` : '–');
const clockText = (ms) => new Date(ms).toISOString().slice(11, 19);
const secondsText = (seconds) =>
  seconds < 100
    ? `${seconds} ${t('seconds')}`
    : `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')} min`;
/** Money where every charge has a price, else requests (SPEC R8). */
const moneyText = (count, micros, currency) =>
  typeof micros === 'number' && typeof currency === 'string'
    ? `${(micros / 1_000_000).toFixed(2)} ${currency}`
    : `${count} ${t('requests')}`;
const spentText = ({ yes, spent_micros, currency }) => moneyText(yes, spent_micros, currency);
const possiblyText = ({ possible, possibly_spent_micros, currency }) =>
  moneyText(possible, possibly_spent_micros, currency);
const billingText = (billing) => BILLING[lang][billing] ?? billing;
const taskState = (task) =>
  task.status === 'completed' ? verdictText(task.verdict) : statusText(task.status);
const numberText = ({ index }) => String(index).padStart(Math.max(2, String(batch.total).length), '0');

/** What a reader hears instead of the picture. */
function altOf({ prompt, index }) {
  return prompt.trim().slice(0, 200) || `${t('images')} ${index}`;
}
