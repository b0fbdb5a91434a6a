/** What came of an operation, in one or two lines for people. Pure. */
import type { CancelAnswer, MaxWorkersAnswer, PauseAnswer } from '../domain/messages.ts';
import { quoted } from './come-back.ts';
import { flow } from './layout.ts';
import { type Line, plain, styled } from './paint.ts';
import { safe } from './output.ts';
import { type Look, symbolsOf } from './terminal.ts';
import { counted } from './words.ts';

/** `21 cancelled · 4 finishing`, what that means for money, and how to see the rest. */
export function cancelLines(id: string, answer: CancelAnswer, look: Look): Line[] {
  const { dot, done } = symbolsOf(look);
  const { cancelled, finishing, aborting, before_admission = false } = answer;
  if (before_admission)
    return [
      [
        styled('green', done),
        styled('bold', ` ${safe(id)}`),
        plain('  cancelled before its tasks were admitted: none is started'),
      ],
    ];
  const counts = Object.entries({ cancelled, finishing, aborting }).filter(([, keys]) => keys.length > 0);
  if (counts.length === 0) return [[plain(`${safe(id)}  nothing was left to cancel`)]];
  const [first = [], ...others] = counts.map(([name, keys]): Line => [plain(`${keys.length} ${name}`)]);
  const head: Line = [styled('green', done), styled('bold', ` ${safe(id)}`), plain('  ')];
  return [
    ...flow([[...head, ...first], ...others], look.columns, ` ${dot} `),
    ...(finishing.length === 0
      ? []
      : [[plain('  Sent requests may still bring their image; --now drops them')]]),
    ...(aborting.length === 0
      ? []
      : [
          [
            styled('yellow', '  ! '),
            plain(`${counted(aborting.length, 'request')} may be charged though no image comes of it`),
          ],
        ]),
  ];
}

export function pauseLines(id: string, answer: PauseAnswer, reason: string | null, look: Look): Line[] {
  const { dot } = symbolsOf(look);
  const { running, queued, changed } = answer;
  const told = reason === null || !changed ? '' : `: ${safe(reason)}`;
  const goesOn = running === 0 ? [] : [[plain(`${counted(running, 'task')} running to the end`)]];
  return [
    ...flow(
      [
        [styled('bold', safe(id)), plain(`  ${changed ? 'paused' : 'was paused already'}${told}`)],
        [plain(`${queued} waiting`)],
        ...goesOn,
      ],
      look.columns,
      ` ${dot} `,
    ),
    [plain(`  Go on: imgproof resume ${quoted(id)}`)],
  ];
}

export function resumeLines(
  id: string,
  { resumed, workers, maxCost }: { resumed: PauseAnswer; workers: MaxWorkersAnswer | null; maxCost?: number },
  look: Look,
): Line[] {
  const { dot } = symbolsOf(look);
  const { changed, running, queued } = resumed;
  const facts = [
    `${running} running`,
    `${queued} waiting`,
    ...(workers === null ? [] : [workersText(workers)]),
    ...(maxCost === undefined ? [] : [`max_cost ${maxCost}`]),
  ];
  return flow(
    [
      [styled('bold', safe(id)), plain(`  ${changed ? 'goes on' : 'was not paused'}`)],
      ...facts.map((fact): Line => [plain(fact)]),
    ],
    look.columns,
    ` ${dot} `,
  );
}

function workersText({ max_workers, before }: MaxWorkersAnswer): string {
  return `${max_workers} at a time${before === max_workers ? '' : `, ${before} before`}`;
}
