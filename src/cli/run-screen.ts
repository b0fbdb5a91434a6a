/** The end of one image, for people. Pure. */
import type { TaskRow } from '../domain/records.ts';
import { flow, wrap } from './layout.ts';
import { type Line, plain, styled } from './paint.ts';
import { safe } from './output.ts';
import { type Look, symbolsOf } from './terminal.ts';
import {
  chargedText,
  counted,
  durationText,
  modeNames,
  reasonOf,
  requestsText,
  statusText,
  taskChargedText,
} from './words.ts';

/** `elapsedMs`: null when nobody watched. */
export function runEndLines(row: TaskRow, elapsedMs: number | null, look: Look): Line[] {
  return [...headLines(row, elapsedMs, look), ...(row.ok ? imageLines(row, look) : failureLines(row, look))];
}

function headLines(row: TaskRow, elapsedMs: number | null, look: Look): Line[] {
  const { ok, status, task_name, bytes, billing, adopted_from } = row;
  const symbols = symbolsOf(look);
  const mark = ok
    ? styled('green', `${symbols.done} ${statusText(status)}`)
    : styled('red', `${symbols.failed} ${statusText(status)}`);
  const isAdopted = adopted_from !== undefined;
  const facts = [
    ...(elapsedMs === null || isAdopted ? [] : [durationText(elapsedMs)]),
    ...(bytes === null ? [] : [`${bytes.toLocaleString('en-US')} B`]),
    isAdopted ? 'proven before, no request' : costText(billing),
  ];
  return flow(
    [[mark, plain(`  ${safe(task_name)}`)], ...facts.map((fact) => [plain(fact)])],
    look.columns,
    '  ',
  );
}

function costText(billing: TaskRow['billing']): string {
  const { no, possible, yes } = billing;
  if (no + possible + yes === 0) return taskChargedText(billing);
  return `${requestsText(billing)}, ${yes + possible === 0 ? taskChargedText(billing) : chargedText(billing)}`;
}

function imageLines(row: TaskRow, { unicode }: Look): Line[] {
  const { image_path, result_json, sha256, provider, model, mode, input_images, acceptable } = row;
  const references = input_images.length === 0 ? 'no reference' : counted(input_images.length, 'reference');
  return [
    ...field('image ', image_path),
    ...field('proof ', result_json),
    ...field('sha256', sha256),
    [
      styled(
        'dim',
        `  by      ${[`${safe(provider)}/${safe(model)}`, modeNames(mode, unicode), references].join(', ')}`,
      ),
    ],
    ...(acceptable ? [] : [[styled('yellow', '  ! not acceptable as proof; verify says why')]]),
  ];
}

function failureLines({ error, category, result_json }: TaskRow, { columns }: Look): Line[] {
  const reason = reasonOf(category);
  return [
    ...(error === null ? [] : wrap(safe(error), columns - 2)).map((text): Line => [plain(`  ${text}`)]),
    ...(reason === null ? [] : wrap(reason, columns - 2)).map((text): Line => [styled('dim', `  ${text}`)]),
    ...field('record', result_json),
  ];
}

function field(label: string, value: string | null): Line[] {
  return value === null ? [] : [[styled('dim', `  ${label}  `), plain(safe(value))]];
}
