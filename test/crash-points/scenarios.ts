/** Tasks whose process is ended at every operation on files that they do. */
import type { ScriptStep } from '../support/provider-script.ts';

export interface Cut {
  name: string;
  /** What the provider does to its calls in turn; afterwards it answers well. */
  script: readonly ScriptStep[];
  references: number;
  /** Its run keeps the files of a queue, too. */
  isOfQueue?: boolean;
  /** Another process was ended before, when its answer had its name in the spool. */
  endedAfterAnswer?: boolean;
  /** When nothing ends it. */
  uncut: {
    status: 'completed' | 'failed';
    calls: number;
    billing: { no: number; possible: number; yes: number };
  };
}

const ONE_PAID = { no: 0, possible: 0, yes: 1 };

export const CUTS: readonly Cut[] = [
  {
    name: 'text2img',
    script: [],
    references: 0,
    uncut: { status: 'completed', calls: 1, billing: ONE_PAID },
  },
  {
    name: 'img2img with two references',
    script: [],
    references: 2,
    uncut: { status: 'completed', calls: 1, billing: ONE_PAID },
  },
  {
    name: 'a 429, then the answer',
    script: ['429'],
    references: 0,
    uncut: { status: 'completed', calls: 2, billing: { no: 1, possible: 0, yes: 1 } },
  },
  {
    name: 'an answer cut in its body, then a whole one',
    script: ['cut_body'],
    references: 0,
    uncut: { status: 'completed', calls: 2, billing: { no: 0, possible: 1, yes: 1 } },
  },
  {
    name: 'an answer that is no image',
    script: ['html', 'html'],
    references: 0,
    uncut: { status: 'failed', calls: 1, billing: ONE_PAID },
  },
  {
    name: 'a task of a queue run',
    script: [],
    references: 0,
    isOfQueue: true,
    uncut: { status: 'completed', calls: 1, billing: ONE_PAID },
  },
  {
    name: 'adoption after a kill',
    script: [],
    references: 0,
    endedAfterAnswer: true,
    uncut: { status: 'completed', calls: 1, billing: ONE_PAID },
  },
];
