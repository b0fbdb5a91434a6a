/** Where a field's value comes from: flag over task over batch (SPEC G3). */
import type { TaskRequest } from '../domain/task.ts';
import type { Problem } from './problems.ts';

export interface Layer {
  /** As written, not yet known to be valid. */
  raw: Record<string, unknown>;
  /** Where a field of it stands. */
  pathOf: (field: string) => Problem['path'];
  /** What relative paths in it are relative to; null: nothing. */
  baseDir: string | null;
}

export interface Found<Value> {
  value: Value;
  path: Problem['path'];
  baseDir: string | null;
}

/** Reads the fields of one task through its layers; a field with a problem of its own reads as absent. */
export class LayeredTask {
  readonly #layers: readonly Layer[];
  readonly #problems: ProblemList;

  /** `layers`: the winning one first. */
  constructor(layers: readonly Layer[], problems: ProblemList) {
    this.#layers = layers;
    this.#problems = problems;
  }

  find<Field extends keyof TaskRequest>(field: Field): Found<NonNullable<TaskRequest[Field]>> | undefined {
    const layer = this.#layers.find(({ raw }) => Object.hasOwn(raw, field));
    if (layer === undefined) return undefined;
    const path = layer.pathOf(field);
    if (this.#problems.concerns(path)) return undefined;
    return { value: layer.raw[field] as NonNullable<TaskRequest[Field]>, path, baseDir: layer.baseDir };
  }

  get<Field extends keyof TaskRequest>(field: Field): NonNullable<TaskRequest[Field]> | undefined {
    return this.find(field)?.value;
  }

  /** True when the field was written, and wrongly: then nothing can be concluded from its absence. */
  isBroken(field: keyof TaskRequest): boolean {
    const layer = this.#layers.find(({ raw }) => Object.hasOwn(raw, field));
    return layer !== undefined && this.#problems.concerns(layer.pathOf(field));
  }
}

/** Problems in the order they were found, each once. */
export class ProblemList {
  readonly all: Problem[] = [];
  readonly #seen = new Set<string>();
  readonly #places = new Set<string>();

  add(problems: readonly Problem[]): void {
    for (const problem of problems) {
      const id = JSON.stringify([problem.path, problem.message]);
      if (this.#seen.has(id)) continue;
      this.#seen.add(id);
      this.all.push(problem);
      for (let length = 1; length <= problem.path.length; length += 1) {
        this.#places.add(JSON.stringify(problem.path.slice(0, length)));
      }
    }
  }

  /** True when something at this place, or inside of it, is wrong. */
  concerns(path: Problem['path']): boolean {
    return this.#places.has(JSON.stringify(path));
  }
}
