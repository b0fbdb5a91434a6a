import { describe, expect, test } from 'vitest';
import { redactRecord } from '../../src/artifacts/redact-record.ts';
import { createSecrets } from '../../src/provider/secrets.ts';

function redactLong(...secrets: string[]): (text: string) => string {
  const { remember, redactLong: redact } = createSecrets();
  remember(secrets);
  return redact;
}

describe('a record without secrets (F9)', () => {
  test('has them replaced in every text, at any depth', () => {
    const record = {
      error: 'key canary7f3c0d91 refused',
      attempts: [{ error: 'canary7f3c0d91' }],
      prompt: 'canary7f3c0d91',
    };
    expect(JSON.stringify(redactRecord(record, redactLong('canary7f3c0d91')))).not.toContain('canary');
  });

  test('keeps numbers, names of fields, places and identities, whatever the secret is', () => {
    const record = {
      image_path: '/home/username1/latest/cover.png',
      run_dir: '/home/username1/_runs/cover',
      input_images: [{ path: '/home/username1/logo.png', sha256: 'username1', bytes: 12345678 }],
      width: 12345678,
      username1: null,
    };
    expect(redactRecord(record, redactLong('username1', '12345678'))).toEqual(record);
  });

  test('keeps everyday words that a short key happens to be', () => {
    const record = { prompt: 'a test of the latest lamp', error: null };
    expect(redactRecord(record, redactLong('test', 'lamp'))).toEqual(record);
  });
});
