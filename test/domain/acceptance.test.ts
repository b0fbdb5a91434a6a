import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { brokenRules, type Evidence, explain, type RuleId, RULES } from '../../src/domain/acceptance.ts';
import { BATCH_RULES } from '../../src/domain/completeness.ts';
import type { AttemptRecord, ImageFacts, ResultRecord, TaskRow } from '../../src/domain/records.ts';

const IMAGE: ImageFacts = { bytes: 10, sha256: 'a'.repeat(64), format: 'png', width: 64, height: 48 };
const REFERENCE = { path: '/in/a.png', sha256: 'b'.repeat(64), bytes: 5, mime: 'image/png' };
const BINDING = { worker_id: 'host/slot-1', pid: 7, run_id: 'run-1' };

function evidence(change: Partial<Evidence> = {}, result: Record<string, unknown> = {}): Evidence {
  const recorded = {
    ok: true,
    status: 'completed',
    provider: 'happy',
    model: 'gpt-image-2',
    mode: 'edit',
    input_images: [REFERENCE],
    image_path: '/out/a.png',
    size: '64x48',
    options: {},
    ...IMAGE,
    ...BINDING,
    ...result,
  };
  return {
    result: recorded as unknown as ResultRecord,
    image: { ...IMAGE, decodes: true },
    inputs: [{ path: REFERENCE.path, sha256: REFERENCE.sha256 }],
    lastAttempt: BINDING as AttemptRecord,
    batchRow: BINDING as TaskRow,
    otherImages: new Set(),
    ...change,
  };
}

const image = (change: Partial<Evidence['image']>) => ({ image: { ...IMAGE, decodes: true, ...change } });

describe('the rules of acceptable proof (SPEC P1)', () => {
  test('all of them hold for a good result, with or without a batch row', () => {
    expect(brokenRules(evidence())).toEqual([]);
    const { batchRow: _, ...alone } = evidence();
    expect(brokenRules(alone)).toEqual([]);
    expect(brokenRules(evidence({ inputs: [] }, { mode: 'generation', input_images: [] }))).toEqual([]);
  });

  test.each<[RuleId, string, Evidence]>([
    ['ok-true', 'ok is false', evidence({}, { ok: false })],
    ['ok-true', 'ok is a text', evidence({}, { ok: 'true' })],
    ['ok-true', 'the status says failed', evidence({}, { status: 'failed' })],
    [
      'ok-true',
      'nothing was delivered',
      evidence({ image: null, lastAttempt: null }, { ok: false, image_path: null }),
    ],
    ['provider-approved', 'another provider', evidence({}, { provider: 'demo' })],
    ['provider-approved', 'no provider', evidence({}, { provider: undefined })],
    ['model-approved', 'another model', evidence({}, { model: 'gpt-image-1' })],
    ['mode-fits-inputs', 'text2img with references', evidence({}, { mode: 'generation' })],
    ['mode-fits-inputs', 'img2img without references', evidence({ inputs: [] }, { input_images: [] })],
    ['inputs-recorded', 'no list', evidence({}, { input_images: undefined })],
    ['inputs-recorded', 'a text instead of a list', evidence({}, { input_images: '/in/a.png' })],
    ['inputs-recorded', 'an entry without hash', evidence({}, { input_images: [{ path: '/in/a.png' }] })],
    ['inputs-recorded', 'an entry that is null', evidence({}, { input_images: [null] })],
    [
      'inputs-unchanged',
      'a changed reference',
      evidence({ inputs: [{ path: REFERENCE.path, sha256: 'c'.repeat(64) }] }),
    ],
    [
      'inputs-unchanged',
      'one that cannot be read',
      evidence({ inputs: [{ path: REFERENCE.path, sha256: 'unreadable' }] }),
    ],
    ['image-exists', 'no file', evidence({ image: null })],
    ['image-exists', 'no path either', evidence({ image: null }, { image_path: null })],
    ['image-bytes', 'another number of bytes', evidence(image({ bytes: 11 }))],
    ['image-bytes', 'none recorded', evidence({}, { bytes: undefined })],
    ['image-sha256', 'another hash', evidence(image({ sha256: 'd'.repeat(64) }))],
    ['image-sha256', 'none recorded', evidence({}, { sha256: null })],
    ['image-format', 'not as recorded', evidence({}, { format: 'jpeg' })],
    ['image-format', 'not as asked', evidence({}, { options: { output_format: 'webp' } })],
    ['image-size', 'not as recorded', evidence({}, { width: 65 })],
    ['image-size', 'not as asked', evidence({}, { size: '1024x1024' })],
    ['image-decodes', 'damaged pixels', evidence(image({ decodes: false }))],
    [
      'not-an-input',
      'its own reference',
      evidence({ inputs: [] }, { input_images: [{ ...REFERENCE, sha256: IMAGE.sha256 }] }),
    ],
    ['not-another-result', "another result's image", evidence({ otherImages: new Set([IMAGE.sha256]) })],
    [
      'not-another-result',
      'delivered before',
      evidence({ lastAttempt: { ...BINDING, answer: { duplicate_of: 'g-1' } } as AttemptRecord }),
    ],
    ['worker-binding', 'no attempt', evidence({ lastAttempt: null })],
    ['worker-binding', 'no row', evidence({ batchRow: null })],
    [
      'worker-binding',
      'another worker in the attempt',
      evidence({ lastAttempt: { ...BINDING, worker_id: 'x' } as AttemptRecord }),
    ],
    ['worker-binding', 'another pid in the row', evidence({ batchRow: { ...BINDING, pid: 8 } as TaskRow })],
    ['worker-binding', 'another run in the result', evidence({}, { run_id: 'run-2' })],
    [
      'worker-binding',
      'nothing recorded anywhere',
      evidence(
        { lastAttempt: {} as AttemptRecord, batchRow: {} as TaskRow },
        { worker_id: undefined, pid: undefined, run_id: undefined },
      ),
    ],
    ['not-mock', 'a mock', evidence({}, { provider: 'mock' })],
    ['not-orphan', 'a late answer', evidence({}, { status: 'orphan_late_output' })],
  ])('%s alone is broken by: %s', (id, _, changed) => {
    expect(brokenRules(changed)).toEqual([id]);
    expect(explain(id, changed)).toMatchObject({ id, en: RULES[id].en, zh: RULES[id].zh });
  });

  test('a reference that is gone breaks nothing, and auto is any size', () => {
    expect(brokenRules(evidence({ inputs: [{ path: REFERENCE.path, sha256: null }] }))).toEqual([]);
    expect(brokenRules(evidence({}, { size: 'auto' }))).toEqual([]);
  });

  test('a broken rule says what was expected and what was found, an obstacle first', () => {
    expect(explain('image-bytes', evidence(image({ bytes: 11 })))).toMatchObject({
      expected: '10',
      found: '11',
    });
    const obstacles = { 'image-exists': '/out/a.png is a symbolic link' };
    const found = explain('image-exists', evidence({ image: null, obstacles }));
    expect(found).toMatchObject({ expected: '/out/a.png', found: '/out/a.png is a symbolic link' });
  });

  test('whatever JSON stands in a field, there is an answer, and it is never "acceptable" by omission', () => {
    const ruled = [
      'ok',
      'status',
      'provider',
      'model',
      'mode',
      'input_images',
      'bytes',
      'sha256',
      'format',
      'width',
      'height',
    ];
    const field = fc.constantFrom(...ruled, 'size', 'worker_id', 'pid', 'run_id');
    fc.assert(
      fc.property(field, fc.oneof(fc.jsonValue(), fc.constant(undefined)), (name, value) => {
        const changed = evidence({}, { [name]: value });
        const isSame =
          JSON.stringify(value) === JSON.stringify(evidence().result[name as keyof ResultRecord]);
        fc.pre(!isSame && !(name === 'size' && value === 'auto'));
        const broken = brokenRules(changed);
        expect(broken.length).toBeGreaterThan(0);
        for (const id of broken) expect(explain(id, changed).id).toBe(id);
      }),
      { numRuns: 2000 },
    );
  });

  test('every rule has one sentence in English and one in Chinese', () => {
    for (const { en, zh } of Object.values({ ...RULES, ...BATCH_RULES })) {
      expect(en).toMatch(/^[A-Z].*\.$/u);
      expect(zh).toMatch(/\p{Script=Han}.*。$/u);
    }
  });
});
