/** The key of each attempt is the one that the config has at that moment (G8), whatever form it has there. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { activityWorld, type ActivityWorld, API_KEY, failureOf } from '../support/activity-world.ts';
import { place, script } from '../support/secret-tree.ts';

const NEW_KEY = 'rotated9e2b71';

type Rotate = (key: string) => Promise<unknown> | void;

/** How a person keeps a key, as a function that puts another one there. */
const FORMS: Record<string, (world: ActivityWorld) => Promise<Rotate>> = {
  'imgproof’s own config': async ({ provider, configure }) => {
    return (apiKey) => configure({ baseUrl: provider.baseUrl, apiKey });
  },
  'OpenClaw’s config': async (world) => {
    return byOpenclaw(world, (apiKey) => place(homeOf(world), 'openclaw.json', openclaw(world, apiKey)));
  },
  'a file that is included': async (world) => {
    place(homeOf(world), 'openclaw.json', { models: { $include: './models.json5' } });
    return byOpenclaw(world, (key) => place(homeOf(world), 'models.json5', openclaw(world, key).models));
  },
  '.env': async (world) => {
    place(homeOf(world), 'openclaw.json', openclaw(world, '${HAPPY_API_KEY}'));
    return byOpenclaw(world, (key) => place(homeOf(world), '.env', `HAPPY_API_KEY=${key}\n`));
  },
  'a file SecretRef': async (world) => {
    const keys = { source: 'file', path: '~/.openclaw/keys.json' };
    const ref = { source: 'file', provider: 'keys', id: '/happy' };
    place(homeOf(world), 'openclaw.json', openclaw(world, ref, { keys }));
    return byOpenclaw(world, (happy) => place(homeOf(world), 'keys.json', { happy }));
  },
  'an exec SecretRef': async (world) => {
    const vault = { source: 'exec', command: '~/.openclaw/bin/vault', jsonOnly: false, timeoutMs: 60_000 };
    const ref = { source: 'exec', provider: 'vault', id: 'happy' };
    place(homeOf(world), 'openclaw.json', openclaw(world, ref, { vault }));
    return byOpenclaw(world, (key) => script(homeOf(world), 'vault', `echo '${key}'`));
  },
};

describe('a key that changes between attempts', () => {
  test.each(Object.keys(FORMS))('%s', async (form) => {
    const world = await activityWorld({ script: ['500', 'ok'] });
    const rotate = await FORMS[form]?.(world);
    await rotate?.(API_KEY);
    const cover = world.task({ retry_base_delay_ms: 1 });
    expect(await failureOf(world.attempt(cover))).toMatchObject({ details: [{ category: 'server_error' }] });
    // The old key is refused from now on.
    world.provider.setApiKey(NEW_KEY);
    await rotate?.(NEW_KEY);
    await retryDelayIsOver();
    const { image } = await world.attempt(cover, 2).result;
    expect(world.provider.calls).toMatchObject([
      { status: 500 },
      { status: 200, image_sha256: image.sha256 },
    ]);
  });

  test('the old key is refused, so that the change is what helped', async () => {
    const world = await activityWorld({ script: ['500', 'ok'] });
    const cover = world.task({ retry_base_delay_ms: 1 });
    await failureOf(world.attempt(cover));
    world.provider.setApiKey(NEW_KEY);
    await retryDelayIsOver();
    expect(await failureOf(world.attempt(cover, 2))).toMatchObject({ details: [{ category: 'auth' }] });
  });
});

test('a secret that can’t be had sends nothing, and the failure says where to look (H7)', async () => {
  const world = await activityWorld();
  const vault = { source: 'exec', command: '~/.openclaw/bin/vault', timeoutMs: 60_000 };
  const ref = { source: 'exec', provider: 'vault', id: 'happy' };
  place(homeOf(world), 'openclaw.json', openclaw(world, ref, { vault }));
  script(homeOf(world), 'vault', `echo '${API_KEY}' >&2; exit 7`);
  await byOpenclaw(world, () => undefined);
  const failure = await failureOf(world.attempt(world.task()));
  expect(failure).toMatchObject({ nonRetryable: true, details: [{ category: 'auth' }] });
  expect(failure.message).toMatch(
    /takes apiKey from secrets\.providers\.vault: its command ended with exit code 7/u,
  );
  expect(JSON.stringify([failure.message, failure.details])).not.toContain(API_KEY);
  expect(world.provider.calls).toEqual([]);
});

/** Of one millisecond; before that an attempt waits for it instead of sending. */
const retryDelayIsOver = () => sleep(20);

const homeOf = ({ folder }: ActivityWorld) => ({ home: folder });

/** imgproof's own config leaves `happy` to OpenClaw's. */
async function byOpenclaw({ folder }: ActivityWorld, rotate: (key: string) => unknown): Promise<Rotate> {
  await writeFile(join(folder, 'config.json'), '{}');
  return (key) => void rotate(key);
}

function openclaw({ provider }: ActivityWorld, apiKey: unknown, secretProviders: object = {}) {
  const happy = { baseUrl: provider.baseUrl, apiKey };
  return { models: { providers: { happy } }, secrets: { providers: secretProviders } };
}
