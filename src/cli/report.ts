/** `imgproof report`: a batch to look at, from the disk alone (SPEC P4). Starts nothing. */
import type { Command } from 'commander';
import { loadSettings } from '../config.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import { quoted } from './come-back.ts';
import { note, print, printJson } from './output.ts';

interface ReportFlags {
  out?: string;
  lang?: string;
  csv?: boolean;
  markdown?: boolean;
  json?: boolean;
}

export function register(command: Command): void {
  command
    .argument('<batch>', 'directory of a batch or of a queue, or the id of a batch in the output directory')
    .option('--out <dir>', 'where the report goes (default report/ in the directory of the batch)')
    .option('--lang <language>', 'en or zh (default by the locale); the page can be switched')
    .option('--csv', 'print the acceptance fields as CSV instead')
    .option('--markdown', 'print the acceptance fields as Markdown instead')
    .option('--json', 'print where the report is as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  imgproof report out/batches/covers-20261124-150231-1a2b3c\n  imgproof report covers --csv > covers.csv\n',
    )
    .action((batch: string, flags: ReportFlags) => report(batch, flags));
}

async function report(batch: string, flags: ReportFlags): Promise<void> {
  const settings = loadSettings(process.env);
  const { findBatch } = await import('../report/find-batch.ts');
  const folder = await findBatch(batch, settings.defaults.outputDir);
  if (folder === null) throw notFound(batch, settings.defaults.outputDir);
  const { ownKeys } = await import('../proof/trusted-keys.ts');
  const { keysFolder } = await import('./key.ts');
  const keys = await ownKeys(keysFolder(settings.home));
  if (flags.csv === true || flags.markdown === true) return printTable(folder, flags, keys);
  const { writeReport } = await import('../report/write-report.ts');
  const written = await writeReport(folder, {
    keys,
    lang: languageOf(flags.lang),
    ...(flags.out === undefined ? {} : { reportDir: flags.out }),
  });
  if (written === null) throw notFound(batch, folder);
  const { batch: told, tasks } = written.data;
  const proven = tasks.filter(({ verdict }) => verdict === 'proven').length;
  const reason = `${told.total} tasks, ${proven} proven, ${told.has_ended ? 'ended' : 'not ended: make it again later'}`;
  if (flags.json === true) printJson({ index: written.index, exit_code: EXIT.ok, reason });
  else {
    note(reason);
    print(quoted(written.index));
  }
}

async function printTable(
  folder: string,
  flags: ReportFlags,
  keys: Awaited<ReturnType<typeof import('../proof/trusted-keys.ts').ownKeys>>,
): Promise<void> {
  const { reportData } = await import('../report/report-data.ts');
  const { csvOf, markdownOf } = await import('../report/tables.ts');
  const data = await reportData(folder, { keys });
  if (data === null) throw notFound(folder, folder);
  process.stdout.write(flags.csv === true ? csvOf(data) : markdownOf(data));
}

export function languageOf(wanted: string | undefined): 'en' | 'zh' {
  if (wanted === 'en' || wanted === 'zh') return wanted;
  if (wanted !== undefined) throw new CommandProblem(EXIT.usage, `--lang is en or zh, not '${wanted}'`);
  return /^zh/iu.test(process.env['LC_ALL'] ?? process.env['LANG'] ?? '') ? 'zh' : 'en';
}

export function notFound(batch: string, place: string): CommandProblem {
  return new CommandProblem(
    EXIT.usage,
    `there is no batch '${batch}': neither a directory with batch_request.json, nor the id of a batch below ${place}. Give the directory that the end of the batch printed`,
  );
}
