/**
 * Program: the script one would write without imgproof, written with care. Four lanes; each call is parsed, decoded to the
 * last pixel, hashed, and saved with its result.json so that both survive a crash. `loop.mjs <order.json>`
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { Agent, request } from 'undici';

const { baseUrl, apiKey, size, tasks, folder } = JSON.parse(await readFile(process.argv[2], 'utf8'));
const LANES = 4;
const agent = new Agent({ connections: LANES, headersTimeout: 0, bodyTimeout: 0 });
await mkdir(folder, { recursive: true });
const waiting = tasks.values();
await Promise.all(
  Array.from({ length: LANES }, async () => {
    for (const task of waiting) await makeImage(task);
  }),
);

async function makeImage({ name, prompt }) {
  const { status, requestId, image } = await call(prompt);
  const { info } = await sharp(image, { failOn: 'warning' }).raw().toBuffer({ resolveWithObject: true });
  const sha256 = createHash('sha256').update(image).digest('hex');
  const imagePath = join(folder, `${name}.png`);
  await saveDurably(imagePath, image);
  const result = {
    ok: true,
    task_name: name,
    prompt,
    model: 'gpt-image-2',
    image_path: imagePath,
    bytes: image.length,
    sha256,
    width: info.width,
    height: info.height,
    http_status: status,
    request_id: requestId,
    created_at: new Date().toISOString(),
  };
  await saveDurably(join(folder, `${name}.result.json`), JSON.stringify(result, null, 2));
}

async function call(prompt) {
  const { statusCode, headers, body } = await request(`${baseUrl}/images/generations`, {
    method: 'POST',
    dispatcher: agent,
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-image-2', prompt, size, n: 1 }),
  });
  if (statusCode !== 200) throw new Error(`HTTP ${statusCode}: ${await body.text()}`);
  const { data } = await body.json();
  return {
    status: statusCode,
    requestId: headers['x-request-id'],
    image: Buffer.from(data[0].b64_json, 'base64'),
  };
}

/** Whole and on the disk: temporary file, fsync, rename, fsync of the folder. */
async function saveDurably(path, content) {
  const file = await open(`${path}.tmp`, 'w');
  await file.writeFile(content);
  await file.sync();
  await file.close();
  await rename(`${path}.tmp`, path);
  const parent = await open(dirname(path), 'r');
  await parent.sync();
  await parent.close();
}
