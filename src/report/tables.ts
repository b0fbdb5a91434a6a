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

function csvCell(text: string): string {
  const inert = /^[=+\-@\t\r]/u.test(text) ? `'${text}` : text;
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
      ...FIELDS.map(
        (field, i) =>
          `- ${field}: ${cells[i] === '' ? '–' : `\`${(cells[i] as string).replaceAll('`', "'")}\``}`,
      ),
      '',
    ];
  });
  return [...head, ...sections].join('\n');
}

/** On one line, and nothing in it that Markdown or HTML acts on. */
function markdownText(text: string): string {
  return text
    .replaceAll(/\s+/gu, ' ')
    .replaceAll(/[\\`*_{}[\]()#+!|<>&~-]/gu, (character) => `\\${character}`);
}
