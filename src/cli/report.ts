/** `imgproof report`: a batch to look at, from the disk alone (SPEC P4). Starts nothing. */
import type { Command } from 'commander';
import { join, resolve } from 'node:path';
import { loadSettings, type Settings } from '../config.ts';
import { FILES } from '../domain/layout.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import { quoted } from './come-back.ts';
import { note, print, printJson, safe } from './output.ts';

interface ReportFlags {
  out?: string;
  lang?: string;
  csv?: boolean;
  markdown?: boolean;
  json?: boolean;
}

export function register(command: Command): void {
  command
    .argument(
      '<batch>',
      'directory of a batch, a run or a queue, or the id of a batch in the output directory',
    )
    .option(
      '--out <place>',
      'directory of the report (default report/ in that of the batch), or file of the table',
    )
    .option('--lang <language>', 'en or zh (default by the locale); the page can be switched')
    .option('--csv', 'the acceptance fields as CSV instead, to standard output or --out')
    .option('--markdown', 'the acceptance fields as Markdown instead')
    .option('--json', 'print where the report is as JSON')
    .addHelpText(
      'after',
      '\nExamples:\n  imgproof report out/batches/covers-20261124-150231-1a2b3c\n  imgproof report covers --csv > covers.csv\n',
    )
    .action((batch: string, flags: ReportFlags) => report(batch, flags));
}

async function report(batch: string, flags: ReportFlags): Promise<void> {
  const settings = loadSettings(process.env);
  if (flags.csv === true && flags.markdown === true)
    throw new CommandProblem(EXIT.usage, 'give --csv or --markdown, not both');
  const lang = languageOf(flags.lang);
  const folder = await batchNamed(batch, settings);
  const { ownKeys } = await import('../proof/trusted-keys.ts');
  const { keysFolder } = await import('./key.ts');
  const keys = await ownKeys(keysFolder(settings.home));
  if (flags.csv === true || flags.markdown === true) return writeTable(batch, folder, flags, keys);
  const { writeReport, ReportRefused } = await import('../report/write-report.ts');
  const out = flags.out === undefined ? {} : { reportDir: flags.out };
  const written = await writeReport(folder, { keys, lang, ...out }).catch((error: unknown) => {
    if (error instanceof ReportRefused) throw new CommandProblem(EXIT.environment, error.message);
    throw error;
  });
  if (written === null) throw notFound(batch, [folder]);
  const { batch: told, tasks } = written.data;
  const proven = tasks.filter(({ verdict }) => verdict === 'proven').length;
  const state = told.has_ended ? 'ended' : 'not ended: the same command makes it again later';
  const reason = `${told.total} tasks, ${proven} proven, ${state}`;
  if (flags.json === true)
    printJson({
      index: written.index,
      as_of: told.as_of,
      total: told.total,
      proven,
      has_ended: told.has_ended,
      exit_code: EXIT.ok,
      reason,
    });
  else {
    note(reason);
    print(quoted(written.index));
  }
}

/** @throws CommandProblem exit 2 when there is none */
export async function batchNamed(named: string, settings: Settings): Promise<string> {
  const { findBatch } = await import('../report/find-batch.ts');
  const { outputDir, batchRoot, queueDir, queueOutputDir } = settings.defaults;
  const outputs = [...new Set([outputDir, queueOutputDir])].map((place) => join(place, FILES.batches));
  const places = [...outputs, ...(batchRoot === null ? [] : [batchRoot]), join(queueDir, FILES.queueRuns)];
  const folder = await findBatch(named, places);
  if (folder === null) throw notFound(named, places);
  return folder;
}

async function writeTable(
  batch: string,
  folder: string,
  flags: ReportFlags,
  keys: Awaited<ReturnType<typeof import('../proof/trusted-keys.ts').ownKeys>>,
): Promise<void> {
  const { reportData } = await import('../report/report-data.ts');
  const { csvOf, markdownOf } = await import('../report/tables.ts');
  const data = await reportData(folder, { keys });
  if (data === null) throw notFound(batch, [folder]);
  const table = flags.csv === true ? csvOf(data) : markdownOf(data);
  if (flags.out === undefined) process.stdout.write(table);
  else {
    const { replaceReport } = await import('../artifacts/report-file.ts');
    await replaceReport(flags.out, table).catch((error: Error) => {
      throw new CommandProblem(
        EXIT.environment,
        `the table can't be written to ${flags.out}: ${error.message}`,
      );
    });
    note(`${data.batch.total} tasks`);
    print(quoted(resolve(flags.out)));
  }
}

export function languageOf(wanted: string | undefined): 'en' | 'zh' {
  if (wanted === 'en' || wanted === 'zh') return wanted;
  if (wanted !== undefined) throw new CommandProblem(EXIT.usage, `--lang is en or zh, not '${wanted}'`);
  return /^zh/iu.test(process.env['LC_ALL'] ?? process.env['LANG'] ?? '') ? 'zh' : 'en';
}

export function notFound(batch: string, places: readonly string[]): CommandProblem {
  return new CommandProblem(
    EXIT.usage,
    `there is no batch and no run '${safe(batch)}': neither a directory that holds one, nor the id or name of a batch in ${places.join(', ')}. Give the directory that the end of the batch printed`,
  );
}
