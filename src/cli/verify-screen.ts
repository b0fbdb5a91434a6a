/** What holds and what does not, for people (`reference/ux.md` 5.5). Pure. */
import { basename } from 'node:path';
import type { BrokenRule } from '../domain/acceptance.ts';
import { EVIDENCE_STATES, LEVELS } from '../domain/stronger-evidence.ts';
import type { VerifyItem, VerifyReport, VerifyTotals } from '../proof/verdict.ts';
import { flow, lineWidth, padEnd, widest, wrap } from './layout.ts';
import { type Line, plain, styled } from './paint.ts';
import { safe } from './output.ts';
import { type Look, type Symbols, symbolsOf } from './terminal.ts';

/** What is proven is one line; what is not is named with each rule that does not hold. */
export function verifyLines({ items, totals }: VerifyReport, look: Look): Line[] {
  const symbols = symbolsOf(look);
  const told = items.filter(({ kind, ok }) => kind === 'batch' || !ok);
  const width = widest(told.map(nameOf), Math.min(36, Math.floor(look.columns * 0.4)));
  return [
    ...provenLines(totals, look, symbols),
    ...evidenceLines(totals, look),
    ...told.flatMap((one) => itemLines(one, width, look, symbols)),
    [styled('bold', verifySentence(totals))],
  ];
}

export function verifySentence({ checked, batches, batches_not_ok, verdicts }: VerifyTotals): string {
  const tasks = `${checked} checked, ${checked - verdicts.proven} not acceptable`;
  if (batches === 0) return tasks;
  return `${tasks}; ${batches} ${batches === 1 ? 'batch' : 'batches'}, ${batches_not_ok} not whole`;
}

function provenLines({ verdicts }: VerifyTotals, { columns }: Look, symbols: Symbols): Line[] {
  if (verdicts.proven === 0) return [];
  const [first, ...facts] = [
    `${verdicts.proven} proven  happy/gpt-image-2`,
    'sha256, bytes, format, size match the file',
    'mode fits input_images',
  ];
  const groups: Line[] = [
    [styled('green', symbols.done), plain(` ${first}`)],
    ...facts.map((fact): Line => [plain(fact)]),
  ];
  return flow(groups, columns, ` ${symbols.dot} `).map((line, i) =>
    i === 0 ? line : [plain('  '), ...line],
  );
}

/** How many images speak for themselves to somebody who trusts neither operator nor program (SPEC P3). */
function evidenceLines({ evidence, verdicts }: VerifyTotals, { columns }: Look): Line[] {
  if (verdicts.proven === 0) return [];
  const texts = LEVELS.map((level) => {
    const counts = EVIDENCE_STATES.filter((state) => evidence[level][state] > 0).map(
      (state) => `${evidence[level][state]} ${state}`,
    );
    return `${LEVEL_NAMES[level]}: ${counts.length === 0 ? 'nothing to look at' : counts.join(', ')}`;
  });
  return flow(
    texts.map((text): Line => [plain(text)]),
    columns - 2,
    '   ',
  ).map((line) => [plain('  '), ...line]);
}

const LEVEL_NAMES = { signature: "worker's signature", c2pa: "vendor's signature (C2PA)" } as const;

function itemLines(item: VerifyItem, width: number, { columns }: Look, symbols: Symbols): Line[] {
  const head = headOf(item, width, symbols);
  const note = safe(item.note ?? '');
  const withNote: Line = [...head, plain(`  ${note}`)];
  const isShort = lineWidth(withNote) <= columns;
  const below = [...(isShort ? [] : [note]), ...brokenRules(item)];
  return [
    isShort ? withNote : head,
    ...below
      .flatMap((text) => wrap(text, columns - INDENT.length))
      .map((text): Line => [plain(INDENT + text)]),
    ...(item.ok ? [] : placeLines(item)),
  ];
}

const INDENT = '    ';

function headOf(item: VerifyItem, width: number, symbols: Symbols): Line {
  const mark = item.ok ? styled('green', symbols.done) : styled('red', symbols.failed);
  const said = item.ok ? 'complete: rows, results and counters agree' : item.verdict;
  return [mark, plain(` ${padEnd(nameOf(item), width)}  ${said}`)];
}

/** What failed says so in its note; the rule that a failure breaks adds nothing. */
function brokenRules({ verdict, broken }: VerifyItem): string[] {
  return verdict === 'not completed' ? [] : broken.map(ruleText);
}

function placeLines({ kind, image, path }: VerifyItem): Line[] {
  const isImage = kind === 'result' && image !== null;
  return [
    ...(isImage ? [[styled('dim', `${INDENT}image  ${safe(image)}`)]] : []),
    [styled('dim', `${INDENT}${isImage ? 'proof' : 'path '}  ${safe(path)}`)],
  ];
}

function nameOf({ kind, task, path }: VerifyItem): string {
  return `${kind === 'batch' ? 'batch ' : ''}${safe(task ?? basename(path))}`;
}

function ruleText({ id, en, expected, found }: BrokenRule): string {
  const values = [
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(found === undefined ? [] : [`found ${found}`]),
  ];
  return `${id}: does not hold: ${en}${values.length === 0 ? '' : `  ${safe(values.join(', '))}`}`;
}
