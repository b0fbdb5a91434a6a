/** The machine isn't as imgproof needs it: no binary, no server, no worker, no disk. The CLI exits 3 (SPEC C3). */
export class EnvironmentProblem extends Error {
  readonly exitCode = 3;
  override readonly name = 'EnvironmentProblem';
  /** True when trying again can't help: a person has to do what the message says. */
  readonly final: boolean;

  constructor(message: string, { final = false } = {}) {
    super(message);
    this.final = final;
  }
}
