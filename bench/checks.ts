/** What has to be true of a run before its figures mean anything; the provider's own log is the judge. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type CallRecord, peakInFlight } from '../test/support/provider-calls.ts';
import type { Delivered } from './runner.ts';

export interface RunEvidence {
  tasks: readonly { name: string; prompt: string }[];
  exitCode: number | null;
  calls: readonly CallRecord[];
  delivered: readonly Delivered[];
}

/** SPEC B1. */
const MAX_IN_FLIGHT = 4;

/** A sentence for each check that does not hold. */
export async function brokenChecks(run: RunEvidence): Promise<string[]> {
  const broken = [exitProblem(run), callsProblem(run), answersProblem(run), inFlightProblem(run)];
  const files = await Promise.all(run.tasks.map((task) => fileProblem(task, run)));
  return [...broken, ...files].filter((problem) => problem !== null);
}

function exitProblem({ exitCode }: RunEvidence): string | null {
  return exitCode === 0 ? null : `the command ended with ${exitCode}, not with 0`;
}

function callsProblem({ calls, tasks }: RunEvidence): string | null {
  const ordered = new Set(calls.map(({ prompt }) => prompt));
  if (calls.length === tasks.length && ordered.size === tasks.length) return null;
  return `${calls.length} calls for ${ordered.size} prompts were made for ${tasks.length} tasks`;
}

function answersProblem({ calls }: RunEvidence): string | null {
  const others = calls.filter(({ event, status }) => event !== 'answered' || status !== 200);
  return others.length === 0 ? null : `${others.length} calls were not answered with 200`;
}

function inFlightProblem({ calls }: RunEvidence): string | null {
  const peak = peakInFlight(calls);
  return peak <= MAX_IN_FLIGHT
    ? null
    : `${peak} calls were in flight at one time, more than ${MAX_IN_FLIGHT}`;
}

/** The image on disk is the one the provider sent for this prompt, and its result.json says so. */
async function fileProblem(
  { name, prompt }: { name: string; prompt: string },
  { calls, delivered }: RunEvidence,
): Promise<string | null> {
  const { imagePath = null, resultJson = null } = delivered.find(({ task }) => task === name) ?? {};
  const image = await contentOf(imagePath);
  if (image === null) return `${name}: there is no image`;
  const sha256 = createHash('sha256').update(image).digest('hex');
  const sent = calls.some((call) => call.prompt === prompt && call.image_sha256 === sha256);
  if (!sent) return `${name}: ${imagePath} is not the image that was sent`;
  const result = resultIn(await contentOf(resultJson));
  if (result === null) return `${name}: there is no result.json that can be read`;
  const says = result['ok'] === true && result['sha256'] === sha256 && result['prompt'] === prompt;
  // Only imgproof's says whether it is acceptable (SPEC P1).
  return says && result['acceptable'] !== false ? null : `${name}: ${resultJson} does not prove the image`;
}

async function contentOf(path: string | null): Promise<Buffer | null> {
  return path === null ? null : readFile(path).catch(() => null);
}

function resultIn(content: Buffer | null): Record<string, unknown> | null {
  try {
    return content === null ? null : (JSON.parse(content.toString('utf8')) as Record<string, unknown>);
  } catch {
    return null;
  }
}
