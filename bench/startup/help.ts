/** `imgproof --help` against the smallest program of Node, in turn. */
import { childrenCpuSeconds } from '../proc.ts';
import { type Command, run } from '../meter.ts';
import type { Stack } from '../stack.ts';
import { median } from '../stats.ts';

export interface HelpFigures {
  helpMs: number;
  nodeMs: number;
  /** Median of the ratios of each pair. */
  ratio: number;
  /** The same of CPU times, which foreign work disturbs less. */
  cpuRatio: number;
}

interface Start {
  wallMs: number;
  cpuSeconds: number;
}

export async function helpFigures({ command }: Stack, pairs: number): Promise<HelpFigures> {
  const help = command(['--help']);
  const bare = { ...help, args: ['-e', ''] };
  const helps: Start[] = [];
  const bares: Start[] = [];
  for (let pair = 0; pair < pairs; pair += 1) {
    bares.push(await timed(bare));
    helps.push(await timed(help));
  }
  return {
    helpMs: median(helps.map(({ wallMs }) => wallMs)),
    nodeMs: median(bares.map(({ wallMs }) => wallMs)),
    ratio: median(helps.map(({ wallMs }, i) => wallMs / (bares[i] as Start).wallMs)),
    cpuRatio: total(helps) / total(bares),
  };
}

async function timed(command: Command): Promise<Start> {
  const cpuBefore = childrenCpuSeconds();
  const startedAt = performance.now();
  const { exitCode, stderr } = await run(command);
  const wallMs = performance.now() - startedAt;
  if (exitCode !== 0) throw new Error(`node ${command.args.join(' ')} ended with ${exitCode}: ${stderr}`);
  return { wallMs, cpuSeconds: childrenCpuSeconds() - cpuBefore };
}

function total(starts: readonly Start[]): number {
  return starts.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
}
