/** Rounds of one workload: both ways right after each other, in alternating order, so that both see the same machine. */
import type { Workload } from './options.ts';
import type { Runner, RunnerName } from './runner.ts';
import type { RunFigures } from './run.ts';

export interface Round {
  figures: Record<RunnerName, RunFigures>;
  /** Makespan of imgproof over that of the loop. */
  ratio: number;
  /** Foreign work used more than 15 % of two cores while one of them ran. */
  disturbed: boolean;
}

export interface RoundPlan {
  rounds: number;
  warmUp: boolean;
  /** Disturbed rounds that may be played again, all together. */
  repeats: number;
}

export interface PlayedRounds {
  /** As many as were planned; disturbed ones only where repeating did not help. */
  counted: Round[];
  /** Disturbed, and played again. */
  repeated: Round[];
}

const FOREIGN_LIMIT = 0.15;

type Play = (runner: Runner, label: string) => Promise<RunFigures>;

export async function playRounds(
  runners: Record<RunnerName, Runner>,
  plan: RoundPlan,
  play: Play,
  onRound: (name: string, round: Round) => void,
): Promise<PlayedRounds> {
  const played: PlayedRounds = { counted: [], repeated: [] };
  if (plan.warmUp) onRound('warm-up', await playRound(runners, ['loop', 'imgproof'], 'warm-up', play));
  for (let n = 1; n <= plan.rounds; n += 1) {
    const order: RunnerName[] = n % 2 === 1 ? ['loop', 'imgproof'] : ['imgproof', 'loop'];
    for (let again = 0; ; again += 1) {
      const name = `round-${n}${'-again'.repeat(again)}`;
      const round = await playRound(runners, order, name, play);
      onRound(name, round);
      if (!round.disturbed || played.repeated.length >= plan.repeats) {
        played.counted.push(round);
        break;
      }
      played.repeated.push(round);
    }
  }
  return played;
}

async function playRound(
  runners: Record<RunnerName, Runner>,
  order: RunnerName[],
  name: string,
  play: Play,
): Promise<Round> {
  const figures: Partial<Round['figures']> = {};
  for (const runner of order) figures[runner] = await play(runners[runner], name);
  const { loop, imgproof } = figures as Round['figures'];
  return {
    figures: { loop, imgproof },
    ratio: imgproof.makespanMs / loop.makespanMs,
    disturbed: [loop, imgproof].some(({ foreignShare }) => foreignShare > FOREIGN_LIMIT),
  };
}

/** File names and batch ids: `40x1000ms-100KB-round-1`. */
export function workloadName({ tasks, latencyMs, imageBytes }: Workload): string {
  return `${tasks}x${latencyMs}ms-${Math.round(imageBytes / 1000)}KB`;
}
