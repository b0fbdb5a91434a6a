/** Part A: before the request is on the wire. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect } from 'vitest';
import type { InputImage } from '../../src/domain/task.ts';
import { type ActivityWorld, activityWorld, API_KEY } from '../support/activity-world.ts';
import { playTask } from '../support/play-task.ts';
import { startProviderServer } from '../support/provider-server.ts';
import { admittedTask, type Ordered, refusedOrder } from './admission.ts';
import { blackHole } from './black-hole.ts';
import { type Given, given, judgeFiles, type Scenario, type Scenarios } from './scenario.ts';
import { door, HOST, tlsFront, type TlsWorld } from './tls-world.ts';

const at = (port: number, scheme = 'http', host = '127.0.0.1') => `${scheme}://${host}:${port}/v1`;

/** The scripted provider behind another address. */
const behind = (addressOf: (world: ActivityWorld) => Promise<string>, more: Given = {}) =>
  given({
    ...more,
    provider: async (world) => ({
      baseUrl: await addressOf(world),
      calls: () => world.provider.calls.length,
    }),
  });

/** A config entry that is written after the usual one. */
function entry(happy: (world: ActivityWorld) => object, says: RegExp): Scenario {
  return async (faultCase) => {
    let world: ActivityWorld | undefined;
    await given({
      says,
      provider: async (w) => {
        world = w;
        return { baseUrl: w.provider.baseUrl, calls: () => w.provider.calls.length };
      },
      before: () => world?.configure(happy(world)),
    })(faultCase);
  };
}

/** A task whose reference is changed behind its back. */
function referenceThat(
  change: (world: ActivityWorld, image: InputImage) => Promise<void>,
  more: Given,
): Scenario {
  return async (faultCase) => {
    const world = await activityWorld();
    const image = await world.reference('logo', '#ff0000');
    await change(world, image);
    const played = await playTask(world, world.task({ input_images: [image] }));
    expect(played.row).toMatchObject({
      status: 'failed',
      category: (faultCase.end as { category: string }).category,
    });
    expect(played.failures[0]?.message).toMatch(more.says ?? /./u);
    expect([world.provider.calls.length, played.attempts]).toEqual([0, []]);
    await judgeFiles(world, played);
  };
}

/** It is replaced when it has been read, before the answer: what was sent is what was ordered. */
const replacedInFlight: Scenario = async () => {
  const world = await activityWorld({ latencyMs: 200 });
  const image = await world.reference('logo', '#ff0000');
  const playing = playTask(world, world.task({ input_images: [image] }));
  await world.provider.waitForInFlight(1);
  await world.reference('logo', '#00ff00');
  const { row, result } = await playing;
  expect(row).toMatchObject({ status: 'completed', acceptable: false, billing: { yes: 1 } });
  expect(result.not_acceptable_because).toEqual(['inputs-unchanged']);
  expect(world.provider.calls[0]?.references).toMatchObject([{ sha256: image.sha256 }]);
};

const returns: Scenario = async (faultCase) => {
  const before = await startProviderServer();
  await before.close();
  let calls = () => 0;
  await given({
    provider: async () => ({ baseUrl: at(before.port), calls: () => calls() }),
    before: async (n) => {
      if (n !== 2) return;
      const back = await startProviderServer({ port: before.port, apiKey: API_KEY });
      calls = () => back.calls.length;
    },
  })(faultCase);
};

/** Whatever the name of a reference leads to. */
const reference = (says: RegExp, make: (folder: string, image: InputImage) => string): Scenario =>
  refusedOrder(says, async (world) => {
    const path = make(world.folder, await world.reference());
    return { request: { input_image: path }, deps: { inputRoots: () => [world.folder, '/dev', '/proc'] } };
  });

const file = (folder: string, content: string | Buffer) => {
  const path = join(folder, 'given.png');
  writeFileSync(path, content);
  return path;
};

const bomb = await sharp({ create: { width: 8, height: 8, channels: 3, background: '#000' } })
  .png()
  .toBuffer()
  .then((png) => {
    png.writeUInt32BE(65_535, 16);
    png.writeUInt32BE(65_535, 20);
    return png;
  });

const sixReferences: Ordered = async (world) => {
  const names = ['a', 'b', 'c', 'd', 'e', 'f'];
  const images = await Promise.all(names.map((name, i) => world.reference(name, `#${i}0${i}0${i}0`)));
  return { request: { images: images.map(({ path }) => path) } };
};

/** Each is sent once, in the order of its first mention (G2). */
const duplicates: Scenario = async () => {
  const world = await activityWorld();
  const [one, two] = await Promise.all([
    world.reference('one', '#ff0000'),
    world.reference('two', '#00ff00'),
  ]);
  const paths = [one, two].map(({ path }) => path);
  const request = {
    input_images: paths.join(','),
    images: JSON.stringify(paths.toReversed()),
    image: one.path,
  };
  const task = await admittedTask(world, { request });
  expect((await playTask(world, task)).row).toMatchObject({ status: 'completed', acceptable: true });
  const [call] = world.provider.calls;
  expect(call?.references.map(({ sha256 }) => sha256)).toEqual([one, two].map(({ sha256 }) => sha256));
};

/** `tls`: the names and the trust of this file's tests; asked only while a scenario is played. */
export function unsentScenarios(tls: () => TlsWorld): Scenarios {
  /** The provider by TLS under its name, with a certificate that only one thing is wrong of, or nothing. */
  const secured = async (world: ActivityWorld, names: string[], days?: number) => {
    const { pem } = tls().authority.issue(`server-${Math.random()}`, names, days);
    return tlsFront(pem, world.provider.port);
  };
  const byTls = (names: string[], days: number, says: RegExp) =>
    behind(async (world) => at(await secured(world, names, days), 'https', HOST), { says });

  return {
    '1': behind(async () => 'https://provider.invalid/v1', {
      lasting: true,
      task: { max_attempts: 2 },
      says: /ENOTFOUND|EAI_AGAIN/u,
    }),
    '2': behind(
      async (world) => {
        tls().failLookups('EAI_AGAIN');
        return at(await secured(world, [`DNS:${HOST}`]), 'https', HOST);
      },
      { says: /EAI_AGAIN/u },
    ),
    '3': returns,
    '4': blackHoled(),
    '5a': behind(
      async (world) =>
        at(await tlsFront(tls().authority.pem, world.provider.port), 'https', 'other.faults.test'),
      { says: /CERT|certificate|TLS/iu },
    ),
    '5b': byTls([`DNS:${HOST}`], -1, /CERT_HAS_EXPIRED/u),
    '5c': byTls(['DNS:elsewhere.faults.test'], 2, /ERR_TLS_CERT_ALTNAME_INVALID/u),
    '5d': behind(async ({ provider }) => at(provider.port, 'https'), {
      says: /wrong version number|ERR_SSL/iu,
    }),
    '6': behind(
      async (world) => {
        const front = await secured(world, [`DNS:${HOST}`]);
        const resetFirst = await door(front, (socket, n) => {
          if (n > 1) return 'passes';
          socket.once('data', () => socket.resetAndDestroy());
          return 'kept';
        });
        return at(resetFirst, 'https', HOST);
      },
      { says: /ECONNRESET|disconnected/u },
    ),
    '7a': entry(
      ({ provider: { baseUrl } }) => ({ baseUrl, apiKey: '${NO_SUCH_KEY_HERE}' }),
      /NO_SUCH_KEY_HERE/u,
    ),
    '7b': entry(
      ({ provider: { baseUrl } }) => ({ baseUrl, apiKey: 'first line\nsecond-line' }),
      /^(?!.*second-line).*(?:character|apiKey)/su,
    ),
    '7c': entry(() => ({ baseUrl: 'happy', apiKey: API_KEY }), /not a URL/u),
    '7d': entry(() => ({ baseUrl: 'http://192.0.2.7/v1', apiKey: API_KEY }), /travel unprotected/u),
    '7e': given({ task: { provider: 'nobody' }, says: /nobody/u }),
    '8a': reference(/none\.png.*does not exist/su, (folder) => join(folder, 'none.png')),
    '8b': referenceThat((_, { path }) => rm(path), { says: /logo\.png.*does not exist/su }),
    '9a': reference(/is a folder/u, (folder) => {
      mkdirSync(join(folder, 'folder.png'));
      return join(folder, 'folder.png');
    }),
    '9b': reference(/not a regular file/u, (folder) => {
      execFileSync('mkfifo', [join(folder, 'pipe.png')]);
      return join(folder, 'pipe.png');
    }),
    '9c': reference(/not a regular file/u, () => '/dev/zero'),
    '9d': reference(/is empty/u, () => '/proc/self/environ'),
    '9e': reference(/outside of the allowed folders/u, (folder) => {
      symlinkSync('/etc', join(folder, 'way-out'));
      return join(folder, 'way-out', 'hostname');
    }),
    '10a': reference(/is too large/u, (_, { path }) => {
      truncateSync(path, 50 * 1024 * 1024 + 1);
      return path;
    }),
    '10b': reference(/is empty/u, (folder) => file(folder, '')),
    '10c': reference(/is not a PNG, JPEG or WebP/u, (folder) => file(folder, 'hello')),
    '10d': reference(/65535 x 65535 pixels/u, (folder) => file(folder, bomb)),
    '11a': referenceThat(
      async (world, { path }) => copyFile((await world.reference('other', '#00ff00')).path, path),
      {
        says: /logo\.png was changed after the task was admitted/u,
      },
    ),
    '11b': replacedInFlight,
    '12a': refusedOrder(/5/u, sixReferences),
    '12b': duplicates,
  };
}

function blackHoled(): Scenario {
  return async (faultCase) => {
    let open = () => undefined as void;
    await behind(
      async (world) => {
        const hole = await blackHole(world.provider.port);
        ({ open } = hole);
        return at(hole.port);
      },
      { says: /UND_ERR_CONNECT_TIMEOUT/u, before: (n) => (n === 2 ? open() : undefined) },
    )(faultCase);
  };
}
