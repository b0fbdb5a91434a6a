/** `docs/faults.md`, from the catalogue and the table of failures. `npm run faults-page` writes it. */
import { billingOf, FAILURES, type FailureCategory, type FailureRule } from '../../src/domain/failure.ts';
import { type Fault, type FaultEnd, FAULTS, faultCases } from '../../src/domain/fault-catalogue.ts';

export const PAGE = 'docs/faults.md';

const PARTS: readonly [title: string, from: number, to: number][] = [
  ['A. Before the request is on the wire', 1, 12],
  ['B. Sent, and no complete answer', 13, 28],
  ['C. An answer that is no success, however its body ends', 29, 45],
  ['D. A 200 with bad content', 46, 59],
  ['E. The disk', 60, 66],
  ['F. Processes, the server, time', 67, 72],
];

const INTRODUCTION = `# What can go wrong, and what comes of it

<!-- Written by \`npm run faults-page\` from src/domain/fault-catalogue.ts and src/domain/failure.ts: change those. -->

${FAULTS.length} faults. The worker classifies by the same table, and \`npm run faults\` provokes every line of it over real sockets, with real
files and real processes, and prints \`${FAULTS.length}/${FAULTS.length}\`. Whatever happens, the task ends in a true status; its folder holds valid JSON, nothing
temporary, no image without a result that says so, and no key.

- **Repeated**: by Temporal's retry policy, one request per attempt, within \`max_attempts\`. A refusal to go faster (\`rate_limited\`) is not counted, up to 15 of them.
- **Billing**: what the provider may charge for that request. \`possible\` is listed and summed wherever results are shown.
- **The wait** before the next request is the time the provider names (\`retry-after-ms\`, \`Retry-After\` in seconds or as a date, “try again in 1m30s”),
  1 s to 15 minutes, of several the longest; a date without a zone is GMT. Without one \`retry_base_delay\`, doubled each time, with jitter, up to \`retry_max_delay\`. Never earlier.
- **One refusal slows the lane down**: after a 429, or a 503 or 529 that names a time, no task of that worker sends a request to that provider before that time.
  Then requests begin one after another, a second apart, until one is answered well; further refusals in a row double the wait, up to
  \`retry_max_delay\`. A task that waits says so in Temporal's Web UI and in \`state.json\` (\`waiting_for: "the provider"\`), keeps its place up to 30 s and
  comes back later when it takes longer, ends at once when it is cancelled, and spends none of its \`max_attempts\`.
`;

export function faultsPage(): string {
  const parts = PARTS.map(([title, from, to]) => {
    const faults = FAULTS.filter(({ id }) => from <= id && id <= to);
    return [`## ${title}`, '', ...table(faults), '', ...differences(faults)].join('\n').trimEnd();
  });
  return (
    [INTRODUCTION, ...parts, categories(), '']
      .join('\n\n')
      .replaceAll(/\n{3,}/gu, '\n\n')
      .trimEnd() + '\n'
  );
}

function table(faults: readonly Fault[]): string[] {
  const ids = new Set(faults.map(({ id }) => id));
  const rows = faultCases().filter(({ fault }) => ids.has(fault.id));
  return [
    '| # | what goes wrong | ends as | repeated | billing | and |',
    '|---|---|---|---|---|---|',
    ...rows.map(({ key, fault, faultCase: { when, end, also } }) => {
      const what = when === undefined ? fault.fault : `${fault.fault}: ${when}`;
      return `| ${[key, what, ...columnsOf(end), also ?? ''].map(cell).join(' | ')} |`.replaceAll(
        '|  |',
        '| |',
      );
    }),
  ];
}

function columnsOf(end: FaultEnd): [end: string, repeated: string, billing: string] {
  if (end === 'refused') return ['refused when it is ordered', 'no', 'no'];
  if (typeof end === 'string') return [end, 'no', 'yes'];
  const { category, phase } = end;
  return [
    `\`${category}\` (${phase})`,
    FAILURES[category].retryable ? 'yes' : 'no',
    billingOf(category, phase),
  ];
}

function differences(faults: readonly Fault[]): string[] {
  const told = faults.filter(({ spec }) => spec !== undefined);
  const notes = told.map(({ id, spec }) => `- ${id}: ${cell(spec ?? '')}`);
  return notes.length === 0
    ? []
    : ['Where SPEC decides otherwise than the catalogue these rows come from:', '', ...notes];
}

function categories(): string {
  const rows = Object.entries(FAILURES) as [FailureCategory, FailureRule][];
  return [
    '## The words in results and attempts',
    '',
    'Part of `FAILURES` in src/domain/failure.ts; `category` in `attempts[]`, `diagnosis` and failures of activities.',
    '',
    '| category | repeated | billing | status | what it says |',
    '|---|---|---|---|---|',
    ...rows.map(([category, { retryable, billing, status, reason }]) => {
      const paid = billing === 'sent' ? 'possible once sent' : billing;
      return `| \`${category}\` | ${retryable ? 'yes' : 'no'} | ${paid} | ${status} | ${cell(reason)} |`;
    }),
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', String.raw`\|`);
}
