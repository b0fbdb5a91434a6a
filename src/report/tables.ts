/** The acceptance fields as tables: CSV for spreadsheets, Markdown for people (SPEC P4). */
import type { ReportData, ReportTask } from './report-data.ts';

/** Exactly what reviewers ask for, in their order. */
const FIELDS = [
  'image path',
  'run directory',
  'result file',
  'provider',
  'model',
  'mode',
  'input_images',
  'ok',
  'bytes',
] as const;

function cellsOf(task: ReportTask): string[] {
  return [
    task.image_path ?? '',
    task.run_dir,
    task.result_json ?? '',
    task.provider,
    task.model,
    task.mode,
    task.references.map(({ path }) => path).join('; '),
    String(task.verdict === 'proven'),
    String(task.image?.bytes ?? ''),
  ];
}

/**
 * RFC 4180, with a byte order mark: without it spreadsheets read Chinese names as another encoding. A cell that a
 * spreadsheet would take for a formula begins with an apostrophe.
 */
export function csvOf({ tasks }: ReportData): string {
  const rows = [
    ['task', 'status', ...FIELDS],
    ...tasks.map((task) => [task.name, task.status, ...cellsOf(task)]),
  ];
  return `\uFEFF${rows.map((cells) => `${cells.map(csvCell).join(',')}\r\n`).join('')}`;
}

/** Also the wide forms of those signs: spreadsheets of East Asian languages take them for the same. */
const FORMULA = /^[=+\-@\t\r\n＝＋－＠]/u;

function csvCell(raw: string): string {
  const text = shownText(raw);
  const inert = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/u.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert;
}

export function markdownOf({ batch, tasks }: ReportData): string {
  const { completed } = batch.counters;
  const proven = tasks.filter(({ verdict }) => verdict === 'proven').length;
  const head = [
    `# ${markdownText(batch.name)}`,
    '',
    `${completed} of ${batch.total} completed, ${proven} proven; ${batch.has_ended ? 'ended' : 'not ended'}; as of ${batch.as_of}`,
    '',
  ];
  const sections = tasks.flatMap((task) => {
    const cells = cellsOf(task);
    return [
      `## ${task.index}. ${markdownText(task.name)}: ${task.status}, ${task.verdict}`,
      '',
      ...FIELDS.map((field, i) => `- ${field}: ${codeOf(cells[i] as string)}`),
      '',
    ];
  });
  return [...head, ...sections].join('\n');
}

/** On one line: what is not, would end the code. */
function codeOf(text: string): string {
  const inside = shownText(text).replaceAll(/\s+/gu, ' ').replaceAll('`', "'");
  return inside === '' ? '–' : `\`${inside}\``;
}

/** Nothing in it that a terminal obeys, or that turns the direction of what follows. */
function shownText(text: string): string {
  return text.replaceAll(/[^\P{Cc}\t\r\n]|\p{Bidi_Control}/gu, '\uFFFD');
}

/** On one line, and nothing in it that Markdown or HTML acts on. */
function markdownText(text: string): string {
  return shownText(text)
    .replaceAll(/\s+/gu, ' ')
    .replaceAll(/[\\`*_{}[\]()#+!|<>&~-]/gu, (character) => `\\${character}`);
}
