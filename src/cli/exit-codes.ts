/** SPEC C3. Part of the interface: scripts and agents decide by these. */
export const EXIT = {
  ok: 0,
  incomplete: 1,
  usage: 2,
  environment: 3,
  credentials: 4,
  proof: 5,
  costCap: 6,
  waitTimeout: 124,
  interrupted: 130,
  terminated: 143,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An expected end of a command that is no success: one clear text, an exit code, no stack. */
export class CommandProblem extends Error {
  override name = 'CommandProblem';
  readonly exitCode: ExitCode;
  /** Machine-readable details for `--json`. */
  readonly problems: unknown[];
  /** Id of an order that stays recorded all the same. */
  readonly workflowId: string | null;

  constructor(
    exitCode: ExitCode,
    message: string,
    problems: unknown[] = [],
    workflowId: string | null = null,
  ) {
    super(message);
    this.exitCode = exitCode;
    this.problems = problems;
    this.workflowId = workflowId;
  }
}
