/** Which sizes a model takes (SPEC G4; `reference/api.md` 1.2). */

/** `auto`, or width and height in pixels. Models may allow less, see `sizeProblem`. */
export const SIZE_SHAPE = /^(?:auto|[1-9]\d{0,4}x[1-9]\d{0,4})$/u;

interface SizeLimits {
  multipleOf: number;
  /** Longer edge by shorter edge. */
  ratioMax: number;
  edgeMax: number;
  pixelsMin: number;
  pixelsMax: number;
}

const LIMITS: { model: RegExp; limits: SizeLimits }[] = [
  {
    // With its dated snapshots.
    model: /^gpt-image-2(?:-\d{4}-\d{2}-\d{2})?$/u,
    limits: { multipleOf: 16, ratioMax: 3, edgeMax: 3840, pixelsMin: 655_360, pixelsMax: 8_294_400 },
  },
];

/** Why this model can't make this size, or null. A size that isn't `WxH` is left to the shape check. */
export function sizeProblem(model: string, size: string): string | null {
  const limits = LIMITS.find((entry) => entry.model.test(model))?.limits;
  const [, width, height] = /^(\d+)x(\d+)$/u.exec(size) ?? [];
  if (limits === undefined || width === undefined || height === undefined) return null;
  const broken = brokenLimit(Number(width), Number(height), limits);
  return broken === null ? null : `${size} is not possible with ${model}: ${broken}`;
}

function brokenLimit(width: number, height: number, limits: SizeLimits): string | null {
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const pixels = width * height;
  if (width % limits.multipleOf !== 0 || height % limits.multipleOf !== 0)
    return `width and height must be multiples of ${limits.multipleOf}`;
  if (long > limits.edgeMax) return `the longer edge may have at most ${limits.edgeMax} pixels`;
  if (long > short * limits.ratioMax) return `the ratio may be at most ${limits.ratioMax}:1`;
  if (pixels < limits.pixelsMin) return `${pixels} pixels are too few; at least ${limits.pixelsMin}`;
  if (pixels > limits.pixelsMax) return `${pixels} pixels are too many; at most ${limits.pixelsMax}`;
  return null;
}
