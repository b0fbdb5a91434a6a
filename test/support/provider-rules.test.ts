/** The scripted provider is as strict as the Images API. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startProviderServer, type ProviderServer } from './provider-server.ts';

let server: ProviderServer;
beforeAll(async () => {
  server = await startProviderServer();
});
afterAll(() => server.close());

const ORDER = { model: 'gpt-image-2', prompt: 'a boat' };

function generate(fields: object = ORDER, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: 'Bearer test-key', 'content-type': 'application/json' };
  return fetch(`${server.baseUrl}/images/generations`, {
    method: 'POST',
    headers,
    body: JSON.stringify(fields),
    ...init,
  });
}

function edit(form: FormData): Promise<Response> {
  const headers = { authorization: 'Bearer test-key' };
  return fetch(`${server.baseUrl}/images/edits`, { method: 'POST', headers, body: form });
}

async function outcome(response: Response) {
  const { error } = (await response.json()) as { error?: { code: string; param: string | null } };
  return [response.status, error?.code, error?.param];
}

describe('A generation request is refused', () => {
  test.each<[string, object, unknown[]]>([
    ['without a prompt', { model: 'gpt-image-2' }, [400, 'missing_required_parameter', 'prompt']],
    ['without a model', { prompt: 'x' }, [400, 'missing_required_parameter', 'model']],
    ['with an empty prompt', { ...ORDER, prompt: '' }, [400, 'invalid_value', 'prompt']],
    [
      'with a prompt of 32,001 characters',
      { ...ORDER, prompt: '船'.repeat(32_001) },
      [400, 'invalid_value', 'prompt'],
    ],
    ['with a prompt that is a number', { ...ORDER, prompt: 7 }, [400, 'invalid_type', 'prompt']],
    ['for a model that was shut down', { ...ORDER, model: 'gpt-image-1' }, [404, 'model_not_found', 'model']],
    ['for 0 images', { ...ORDER, n: 0 }, [400, 'invalid_value', 'n']],
    ['for "1" images', { ...ORDER, n: '1' }, [400, 'invalid_type', 'n']],
    [
      'for an edge that is no multiple of 16',
      { ...ORDER, size: '1000x1000' },
      [400, 'invalid_value', 'size'],
    ],
    ['for a ratio over 3:1', { ...ORDER, size: '3200x1024' }, [400, 'invalid_value', 'size']],
    ['for an edge over 3840', { ...ORDER, size: '3856x2048' }, [400, 'invalid_value', 'size']],
    ['for under 655,360 pixels', { ...ORDER, size: '512x512' }, [400, 'invalid_value', 'size']],
    ['for over 8,294,400 pixels', { ...ORDER, size: '3840x2176' }, [400, 'invalid_value', 'size']],
    ['for a size with spaces', { ...ORDER, size: ' 1024x1024' }, [400, 'invalid_value', 'size']],
    ['with an unknown quality', { ...ORDER, quality: 'ultra' }, [400, 'invalid_value', 'quality']],
    [
      'with compressed png',
      { ...ORDER, output_compression: 50 },
      [400, 'invalid_value', 'output_compression'],
    ],
    [
      'with transparent jpeg',
      { ...ORDER, background: 'transparent', output_format: 'jpeg' },
      [400, 'invalid_value', 'background'],
    ],
    ['with an unknown field', { ...ORDER, seed: 1 }, [400, 'unknown_parameter', 'seed']],
    ['with a field from the prototype', { ...ORDER, toString: 1 }, [400, 'unknown_parameter', 'toString']],
    ['as a list', [ORDER], [400, 'invalid_json', null]],
  ])('%s', async (_name, fields, expected) => {
    expect(await outcome(await generate(fields))).toEqual(expected);
    expect(server.calls.at(-1)).toMatchObject({ status: expected[0], step: null });
  });

  test.each<[string, RequestInit, unknown[]]>([
    ['without a key', { headers: { 'content-type': 'application/json' } }, [401, 'invalid_api_key', null]],
    ['as text', { headers: { authorization: 'Bearer test-key' } }, [400, 'unsupported_content_type', null]],
    ['by GET', { method: 'GET', body: null }, [404, 'unknown_url', null]],
  ])('%s', async (_name, init, expected) => {
    expect(await outcome(await generate(ORDER, init))).toEqual(expected);
  });

  test('at another path', async () => {
    const response = await fetch(`${server.baseUrl}/images/variations`, { method: 'POST', body: '{}' });
    expect(await outcome(response)).toEqual([404, 'unknown_url', null]);
  });
});

describe('An edit request is refused', () => {
  const PNG = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex');
  const png = (bytes = PNG, type = 'image/png') => new Blob([new Uint8Array(bytes)], { type });

  test.each<[string, (form: FormData) => void, unknown[]]>([
    ['without an image', () => {}, [400, 'missing_required_parameter', 'image']],
    [
      'with the field image repeated',
      (form) => ['a.png', 'b.png'].forEach((name) => form.append('image', png(), name)),
      [400, 'duplicate_parameter', 'image'],
    ],
    [
      'with a lone image[]',
      (form) => form.append('image[]', png(), 'a.png'),
      [400, 'invalid_value', 'image[]'],
    ],
    [
      'with 17 images',
      (form) => Array.from({ length: 17 }, () => form.append('image[]', png(), 'a.png')),
      [400, 'too_many_images', 'image'],
    ],
    [
      'with a part without a type',
      (form) => form.append('image', png(PNG, ''), 'a.png'),
      [400, 'unsupported_file_mimetype', 'image'],
    ],
    [
      'with bytes of another type than said',
      (form) => form.append('image', png(PNG, 'image/jpeg'), 'a.png'),
      [400, 'invalid_image_file', 'image'],
    ],
    [
      'with a part without a filename',
      (form) => form.append('image', 'bytes'),
      [400, 'invalid_value', 'image'],
    ],
    [
      'with an image that does not decode',
      (form) => form.append('image', png(), 'a.png'),
      [400, 'invalid_image_file', 'image'],
    ],
    [
      'with an unknown field',
      (form) => form.append('input_fidelity', 'high'),
      [400, 'unknown_parameter', 'input_fidelity'],
    ],
    [
      'with an unknown file',
      (form) => form.append('mask', png(), 'a.png'),
      [400, 'unknown_parameter', 'mask'],
    ],
    [
      'with a repeated prompt',
      (form) => form.append('prompt', 'again'),
      [400, 'duplicate_parameter', 'prompt'],
    ],
    ['with n that is no number', (form) => form.append('n', 'one'), [400, 'invalid_type', 'n']],
  ])('%s', async (_name, fill, expected) => {
    const form = new FormData();
    form.append('model', ORDER.model);
    form.append('prompt', ORDER.prompt);
    fill(form);
    expect(await outcome(await edit(form))).toEqual(expected);
  });

  test('as JSON', async () => {
    const headers = { authorization: 'Bearer test-key', 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(ORDER) };
    const response = await fetch(`${server.baseUrl}/images/edits`, init);
    expect(await outcome(response)).toEqual([400, 'unsupported_content_type', null]);
  });
});
