/** `imgproof verify`: what holds and what does not, offline (SPEC P2). */
import { basename } from 'node:path';
import type { Command } from 'commander';
import { type BrokenRule, RULES } from '../domain/acceptance.ts';
import { BATCH_RULES } from '../domain/completeness.ts';
import type { VerifyItem, VerifyReport, VerifyTotals } from '../proof/verdict.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import { print, printJson, safe, say } from './output.ts';

interface VerifyFlags {
  json?: boolean;
  rules?: boolean;
}

export function register(command: Command): void {
  command
    .argument('[path...]', 'result.json, image, run, batch or output directory')
    .option('--json', 'print one JSON document')
    .option('--rules', 'print the rules: id, English, 中文')
    .addHelpText(
      'after',
      '\nExit code 0: every proof holds. 5: one does not, or there is none.\n' +
        '\nExamples:\n  imgproof verify out/batches/covers-20261124-150231-1a2b3c\n  imgproof verify out/cover-1-20261124-150231.png --json\n',
    )
    .action((paths: string[], flags: VerifyFlags) => verify(paths, flags));
}

async function verify(paths: string[], flags: VerifyFlags): Promise<void> {
  if (flags.rules === true) {
    printRules(flags);
    return;
  }
  if (paths.length === 0) {
    throw new CommandProblem(
      EXIT.usage,
      'verify needs a path: a result.json, an image, or a run, batch or output directory',
    );
  }
  const { verifyPaths } = await import('../proof/verify.ts');
  const report = await verifyPaths(paths);
  const exitCode = report.ok ? EXIT.ok : EXIT.proof;
  if (flags.json === true) printJson({ ...report, exit_code: exitCode, reason: summaryLine(report.totals) });
  else printReport(report);
  process.exitCode = exitCode;
}

function printRules(flags: VerifyFlags): void {
  const rules = Object.entries({ ...RULES, ...BATCH_RULES }).map(([id, { en, zh }]) => ({ id, en, zh }));
  if (flags.json === true) {
    printJson({ rules, exit_code: EXIT.ok, reason: 'rules listed' });
    return;
  }
  const width = Math.max(...rules.map(({ id }) => id.length));
  for (const { id, en, zh } of rules) print(`${id.padEnd(width)}  ${en}\n${' '.repeat(width)}  ${zh}`);
}

function printReport({ items, totals }: VerifyReport): void {
  const { proven } = totals.verdicts;
  if (proven > 0) {
    print(
      `✓ ${proven} proven  happy/gpt-image-2 · sha256, bytes, format, size match the file · mode fits input_images`,
    );
  }
  for (const one of items) if (one.kind === 'batch' || !one.ok) printItem(one);
  print(summaryLine(totals));
  say('--json for the list, --rules for the rules');
}

function printItem({ kind, path, task, image, ok, verdict, broken, note }: VerifyItem): void {
  const name = safe(task ?? basename(path));
  const what = kind === 'batch' ? 'batch ' : '';
  const remark = note === null ? '' : `  ${safe(note)}`;
  if (ok) {
    print(`✓ ${what}${name}  complete: rows, results and counters agree${remark}`);
    return;
  }
  print(`✗ ${what}${name}  ${verdict}${remark}`);
  // What failed says so in its note; the rule that a failure breaks adds nothing.
  if (verdict !== 'not completed') for (const rule of broken) print(`    ${ruleText(rule)}`);
  print(
    `    ${kind === 'result' && image !== null ? `image  ${safe(image)}\n    proof` : 'path '}  ${safe(path)}`,
  );
}

function ruleText({ id, en, expected, found }: BrokenRule): string {
  const values = [
    ...(expected === undefined ? [] : [`expected ${expected}`]),
    ...(found === undefined ? [] : [`found ${found}`]),
  ];
  return `${id}: does not hold: ${en}${values.length === 0 ? '' : `  ${safe(values.join(', '))}`}`;
}

function summaryLine({ checked, batches, batches_not_ok, verdicts }: VerifyTotals): string {
  const tasks = `${checked} checked, ${checked - verdicts.proven} not acceptable`;
  if (batches === 0) return tasks;
  return `${tasks}; ${batches} ${batches === 1 ? 'batch' : 'batches'}, ${batches_not_ok} not whole`;
}
