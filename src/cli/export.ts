/** `imgproof export`: everything about a batch in one file for a reviewer. Starts nothing. */
import type { Command } from 'commander';
import { loadSettings } from '../config.ts';
import { batchNamed, languageOf, notFound } from './report.ts';
import { quoted } from './come-back.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import type { ServerFlags } from './flags.ts';
import { note, print, printJson, warn } from './output.ts';

interface ExportFlags extends ServerFlags {
  force?: boolean;
  lang?: string;
  json?: boolean;
}

export function register(command: Command): void {
  command
    .argument(
      '<batch>',
      'directory of a batch, a run or a queue, or the id of a batch in the output directory',
    )
    .argument('<zip>', 'file to write, such as covers.zip')
    .option('--force', 'replace the file when it is there')
    .option('--lang <language>', 'language of the report in it: en or zh')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExamples:\n  imgproof export covers covers.zip\n  imgproof verify covers.zip --keys trusted_keys.json --require signature\n',
    )
    .action((batch: string, zip: string, flags: ExportFlags) => exportTo(batch, zip, flags));
}

async function exportTo(batch: string, zip: string, flags: ExportFlags): Promise<void> {
  const settings = loadSettings(process.env);
  const lang = languageOf(flags.lang);
  const folder = await batchNamed(batch, settings);
  const { exportBatch, ExportRefused } = await import('../report/export-package.ts');
  const { ownKeys } = await import('../proof/trusted-keys.ts');
  const { keysFolder } = await import('./key.ts');
  const { writeHistories } = await import('./histories.ts');
  const exported = await exportBatch(folder, zip, {
    keys: await ownKeys(keysFolder(settings.home)),
    lang,
    force: flags.force === true,
    histories: (place) => writeHistories(folder, place, flags),
  }).catch((error: unknown) => {
    if (error instanceof ExportRefused) throw new CommandProblem(EXIT.usage, error.message);
    throw error;
  });
  if (exported === null) throw notFound(batch, [folder]);
  if (exported.missingHistories !== null)
    warn(`histories of Temporal are missing in it: ${exported.missingHistories}`);
  for (const left of exported.record.left_out ?? []) warn(`left out: ${left}`);
  const { sizeBytes, record } = exported;
  const reason = `${record.files} files, ${record.histories.length} histories, ${sizeBytes} bytes`;
  if (flags.json === true) printJson({ zip, ...record, size_bytes: sizeBytes, exit_code: EXIT.ok, reason });
  else {
    note(reason);
    print(quoted(zip));
  }
}
