/** Judges a request as strictly as the Images API does for gpt-image-2 (`reference/api.md` 1.2, 1.3), and reads the order in it. */
import { IMAGE_FORMATS, type ImageFormat, type Mode } from '../../src/domain/task.ts';
import { invalidRequest, type ApiError } from './provider-errors.ts';
import type { ReceivedFile, ReceivedRequest } from './provider-request.ts';

/** What a valid request asks for, defaults filled. */
export interface ImageOrder {
  mode: Mode;
  prompt: string;
  count: number;
  width: number;
  height: number;
  quality: string;
  background: string;
  format: ImageFormat;
  compression: number;
  references: readonly ReceivedFile[];
}

export const MODES_BY_PATH: Record<string, Mode> = {
  '/v1/images/generations': 'generation',
  '/v1/images/edits': 'edit',
};

/** The first thing that is wrong with the request, or null. */
export function firstProblem(mode: Mode, request: ReceivedRequest): ApiError | null {
  return (
    request.problem ??
    wrongBodyKind(mode, request) ??
    wrongField(request) ??
    wrongCombination(request) ??
    (mode === 'edit' ? wrongReferences(request) : null)
  );
}

/** Only for a request without a problem. */
export function readOrder(mode: Mode, { fields, files }: ReceivedRequest): ImageOrder {
  const asked = (name: string, preset: string) =>
    String((fields[name] as string | number | undefined) ?? preset);
  const size = asked('size', 'auto');
  const [width = 1024, height = 1024] = size === 'auto' ? [] : size.split('x').map(Number);
  const unlessAuto = (value: string, preset: string) => (value === 'auto' ? preset : value);
  return {
    mode,
    prompt: asked('prompt', ''),
    count: Number(asked('n', '1')),
    width,
    height,
    quality: unlessAuto(asked('quality', 'auto'), 'high'),
    background: unlessAuto(asked('background', 'auto'), 'opaque'),
    format: asked('output_format', 'png') as ImageFormat,
    compression: Number(asked('output_compression', '100')),
    references: files,
  };
}

interface FieldRule {
  type: 'string' | 'integer' | 'boolean';
  /** What the value must be, for people. */
  must: string;
  holds: (value: never) => boolean;
}

const text = (max: number): FieldRule => ({
  type: 'string',
  must: `be a text of 1 to ${max} characters`,
  holds: (value: string) => value.length > 0 && Array.from(value).length <= max,
});
const oneOf = (...values: readonly string[]): FieldRule => ({
  type: 'string',
  must: `be one of ${values.join(', ')}`,
  holds: (value: string) => values.includes(value),
});
const integer = (min: number, max: number): FieldRule => ({
  type: 'integer',
  must: `be ${min} to ${max}`,
  holds: (value: number) => value >= min && value <= max,
});

/** Every field there is. What is not here is refused: `response_format`, `input_fidelity`, `style`; `mask` we never send. */
const FIELDS: Record<string, FieldRule> = {
  prompt: text(32_000),
  model: text(200),
  n: integer(1, 10),
  size: {
    type: 'string',
    must: 'be auto or WxH: multiples of 16, edges up to 3840, ratio up to 3:1, 655360 to 8294400 pixels',
    holds: isLegalSize,
  },
  quality: oneOf('auto', 'low', 'medium', 'high'),
  background: oneOf('auto', 'opaque', 'transparent'),
  output_format: oneOf(...IMAGE_FORMATS),
  output_compression: integer(0, 100),
  moderation: oneOf('auto', 'low'),
  stream: {
    type: 'boolean',
    must: 'be false: this server does not stream',
    holds: (value: boolean) => !value,
  },
  partial_images: integer(0, 3),
  user: text(200),
  safety_identifier: text(200),
};

const REQUIRED = ['prompt', 'model'] as const;

/** Models that are alive (`reference/api.md` 1.1). */
const MODELS =
  /^(gpt-image-(2(-2026-04-21)?|1\.5|1-mini|2\.[56]-(sunburst|flare)(-2026-09-08)?)|chatgpt-image-latest)$/u;

function isLegalSize(size: string): boolean {
  if (size === 'auto') return true;
  const [, width = 0, height = 0] = (/^(\d{1,5})x(\d{1,5})$/u.exec(size) ?? []).map(Number);
  const [short, long, pixels] = [Math.min(width, height), Math.max(width, height), width * height];
  return (
    width % 16 === 0 &&
    height % 16 === 0 &&
    long <= 3840 &&
    long <= 3 * short &&
    pixels >= 655_360 &&
    pixels <= 8_294_400
  );
}

function wrongBodyKind(mode: Mode, { isForm }: ReceivedRequest): ApiError | null {
  if (isForm === (mode === 'edit')) return null;
  const wanted = mode === 'edit' ? 'multipart/form-data' : 'application/json';
  return invalidRequest('unsupported_content_type', null, `This endpoint takes ${wanted}.`);
}

function wrongField({ fields, repeated, isForm }: ReceivedRequest): ApiError | null {
  const [twice] = repeated;
  if (twice !== undefined) return duplicate(twice);
  for (const [name, sent] of Object.entries(fields)) {
    const rule = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (rule === undefined) return unknownParameter(name, isForm);
    const value = isForm ? fromText(rule.type, String(sent)) : sent;
    if (kindOf(value) !== rule.type) {
      return invalidRequest(
        'invalid_type',
        name,
        `Invalid type for '${name}': expected ${rule.type}, got ${kindOf(value)}.`,
      );
    }
    if (!rule.holds(value as never)) {
      return invalidRequest('invalid_value', name, `Invalid value for '${name}': it must ${rule.must}.`);
    }
  }
  const missing = REQUIRED.find((name) => fields[name] === undefined);
  if (missing === undefined) return null;
  return invalidRequest('missing_required_parameter', missing, `Missing required parameter: '${missing}'.`);
}

function wrongCombination({ fields }: ReceivedRequest): ApiError | null {
  const model = String(fields['model']);
  const format = fields['output_format'] ?? 'png';
  if (!MODELS.test(model)) {
    return {
      ...invalidRequest('model_not_found', 'model', `The model '${model}' does not exist.`),
      status: 404,
    };
  }
  if (fields['background'] === 'transparent' && format === 'jpeg') {
    return invalidRequest('invalid_value', 'background', 'A transparent background needs png or webp.');
  }
  if (fields['output_compression'] !== undefined && format === 'png') {
    return invalidRequest('invalid_value', 'output_compression', 'Compression is for jpeg and webp only.');
  }
  return null;
}

function wrongReferences({ files }: ReceivedRequest): ApiError | null {
  const [first] = files;
  if (first === undefined) {
    return invalidRequest('missing_required_parameter', 'image', "Missing required parameter: 'image'.");
  }
  const unknown = files.find(({ field }) => field !== 'image' && field !== 'image[]');
  if (unknown !== undefined) return unknownParameter(unknown.field, true);
  if (files.length > 16) return invalidRequest('too_many_images', 'image', 'At most 16 images.');
  if (files.length > 1 && files.some(({ field }) => field === 'image')) return duplicate('image');
  // OpenAI takes a lone `image[]` too; gateways that know only `image` do not, so the contract is stricter here.
  if (files.length === 1 && first.field !== 'image') {
    return invalidRequest('invalid_value', 'image[]', "A single image goes into the field 'image'.");
  }
  for (const file of files) {
    const problem = wrongFile(file);
    if (problem !== null) return problem;
  }
  return null;
}

function wrongFile({ field, filename, mime, content }: ReceivedFile): ApiError | null {
  if (filename === '') return invalidRequest('invalid_value', field, `The part '${field}' has no filename.`);
  const magic = Object.hasOwn(MAGIC, mime) ? MAGIC[mime] : undefined;
  if (magic === undefined) {
    return invalidRequest(
      'unsupported_file_mimetype',
      field,
      `Invalid file '${field}': unsupported mimetype ('${mime}').`,
    );
  }
  if (content.length >= 50 * 1024 * 1024)
    return invalidRequest('file_too_large', field, 'Images are below 50 MB.');
  if (magic.test(content.subarray(0, 16).toString('latin1'))) return null;
  return invalidRequest(
    'invalid_image_file',
    field,
    `The part '${field}' is not the ${mime} that it claims to be.`,
  );
}

const MAGIC: Record<string, RegExp> = {
  'image/png': /^\u0089PNG\r\n/u,
  'image/jpeg': /^\u00FF\u00D8\u00FF/u,
  'image/webp': /^RIFF[\s\S]{4}WEBP/u,
};

function unknownParameter(name: string, isForm: boolean): ApiError {
  const isMisplacedFile = isForm && /^image(\[\])?$/u.test(name);
  if (isMisplacedFile) return invalidRequest('invalid_value', name, `The part '${name}' has no filename.`);
  return invalidRequest('unknown_parameter', name, `Unknown parameter: '${name}'.`);
}

function duplicate(name: string): ApiError {
  const hint = `Use the array syntax instead: '${name}[]'.`;
  return invalidRequest('duplicate_parameter', name, `Duplicate parameter: '${name}'. ${hint}`);
}

function fromText(type: FieldRule['type'], value: string): unknown {
  if (type === 'integer' && /^\d+$/u.test(value)) return Number(value);
  if (type === 'boolean' && /^(true|false)$/u.test(value)) return value === 'true';
  return value;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Number.isInteger(value)) return 'integer';
  return Array.isArray(value) ? 'array' : typeof value;
}
