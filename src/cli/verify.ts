/** `imgproof verify`: what holds and what does not, offline (SPEC P2). */
import { type Command, InvalidArgumentError } from 'commander';
import { loadSettings } from '../config.ts';
import { RULES } from '../domain/acceptance.ts';
import { BATCH_RULES } from '../domain/completeness.ts';
import { EVIDENCE_RULES, HISTORY_RULE, type Level, LEVELS } from '../domain/stronger-evidence.ts';
import type { VerifyReport } from '../proof/verdict.ts';
import { CommandProblem, EXIT } from './exit-codes.ts';
import { addServerFlags, type ServerFlags } from './flags.ts';
import { keysFolder } from './key.ts';
import { note, print, printJson, printLines, warn } from './output.ts';
import { lookOf } from './terminal.ts';
import { verifyLines, verifySentence } from './verify-screen.ts';

interface VerifyFlags extends ServerFlags {
  json?: boolean;
  rules?: boolean;
  require?: Level[];
  keys?: string;
  trustList?: string;
  decode?: boolean;
  history?: boolean;
}

export function register(command: Command): void {
  addServerFlags(command)
    .argument('[path...]', 'result.json, image, run, batch or output directory')
    .option('--json', 'print one JSON document')
    .option('--rules', 'print the rules: id, English, 中文')
    .option('--require <levels>', `what has to be there and trusted: ${LEVELS.join(', ')}`, levels)
    .option(
      '--keys <file>',
      "keys whose signatures count, by imgproof key show --json (default this machine's own)",
    )
    .option('--decode', 'decode also the images that a trusted signer has decoded, with the same bytes')
    .option('--trust-list <file>', 'PEM certificates of vendors, instead of the C2PA list that is shipped')
    .option(
      '--history',
      "hold batches also against the head of the manifest in Temporal's history (needs a server)",
    )
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
  const { Tally } = await import('../proof/tally.ts');
  if (flags.history === true && paths.some((path) => path.endsWith('.zip')))
    throw new CommandProblem(EXIT.usage, '--history needs the folder of a batch: unpack the package first');
  const trust = await trusted(flags);
  const tally = new Tally();
  const { showTally } = await import('./verify-progress.ts');
  const endTally = showTally(tally);
  const offline = await verifyPaths(paths, {
    required: flags.require ?? [],
    decodeAll: flags.decode === true,
    ...trust,
    tally,
  }).finally(endTally);
  const report = flags.history === true ? await withHistory(offline, flags) : offline;
  const exitCode = report.ok ? EXIT.ok : EXIT.proof;
  if (flags.json === true)
    printJson({ ...report, exit_code: exitCode, reason: verifySentence(report.totals) });
  else {
    printLines(verifyLines(report, lookOf(process.stdout)));
    note('--json for the list, --rules for the rules');
  }
  process.exitCode = exitCode;
}

/** The only way in which `verify` asks anybody. */
async function withHistory(report: VerifyReport, flags: VerifyFlags): Promise<VerifyReport> {
  const batches = report.items.filter(({ kind }) => kind === 'batch');
  if (batches.length === 0)
    throw new CommandProblem(EXIT.usage, 'there is no batch in these paths to hold against a history');
  const { holdAgainst } = await import('../proof/against-history.ts');
  const { withLook } = await import('./look-session.ts');
  const { keptHeads } = await import('../client/kept-heads.ts');
  return withLook(flags, ({ client }) => holdAgainst(report, (id) => keptHeads(client, id)));
}

/** Whom the reviewer trusts. A list that can't be used is a clear end, before anything is called proven or not. */
async function trusted({ keys, trustList }: VerifyFlags) {
  const { ownKeys, trustedKeysIn, TrustProblem } = await import('../proof/trusted-keys.ts');
  const { trustListIn } = await import('../proof/trust-list.ts');
  try {
    const own = keys === undefined ? await ownKeys(keysFolder(loadSettings(process.env).home)) : null;
    for (const problem of own?.problems ?? []) warn(problem);
    return {
      keys: own ?? (await trustedKeysIn(keys as string)),
      ...(trustList === undefined ? {} : { trust: await trustListIn(trustList) }),
    };
  } catch (error) {
    if (error instanceof TrustProblem) throw new CommandProblem(EXIT.usage, error.message);
    throw error;
  }
}

function levels(text: string): Level[] {
  const names = text.split(',').map((name) => name.trim());
  const unknown = names.find((name) => !LEVELS.includes(name as Level));
  if (unknown === undefined) return names as Level[];
  throw new InvalidArgumentError(`'${unknown}' is none of ${LEVELS.join(', ')}.`);
}

function printRules(flags: VerifyFlags): void {
  const rules = [
    ...Object.entries({ ...RULES, ...BATCH_RULES, ...EVIDENCE_RULES }).map(([id, { en, zh }]) => ({
      id,
      en,
      zh,
    })),
    HISTORY_RULE,
  ];
  if (flags.json === true) {
    printJson({ rules, exit_code: EXIT.ok, reason: 'rules listed' });
    return;
  }
  const width = Math.max(...rules.map(({ id }) => id.length));
  for (const { id, en, zh } of rules) print(`${id.padEnd(width)}  ${en}\n${' '.repeat(width)}  ${zh}`);
}
