import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadSettings, type Settings } from '../../src/config.ts';
import { tempFolder } from './temp-folder.ts';

export interface ConfigFiles {
  /** Text, or what becomes JSON. */
  openclaw?: unknown;
  own?: unknown;
  dotenv?: string;
}

export interface ConfigWorld {
  home: string;
  settings: Settings;
  /** Path of each file, whether it exists or not. */
  place: Record<keyof ConfigFiles, string>;
}

/** A user's home with the given config files; nothing of this machine's user is read. */
export function configWorld(files: ConfigFiles = {}, env: NodeJS.ProcessEnv = {}): ConfigWorld {
  const home = tempFolder();
  const place = {
    openclaw: join(home, '.openclaw', 'openclaw.json'),
    own: join(home, '.config', 'imgproof', 'config.json'),
    dotenv: join(home, '.openclaw', '.env'),
  };
  for (const name of ['openclaw', 'own', 'dotenv'] as const) {
    const content = files[name];
    if (content === undefined) continue;
    mkdirSync(dirname(place[name]), { recursive: true });
    writeFileSync(place[name], typeof content === 'string' ? content : JSON.stringify(content));
  }
  return {
    home,
    place,
    settings: loadSettings({ HOME: home, IMGPROOF_HOME: join(home, 'imgproof'), ...env }),
  };
}

/** An OpenClaw config with this provider `happy`, and what else stands in it. */
export function openclawWith(happy: unknown, rest: object = {}): ConfigFiles {
  return { openclaw: { models: { providers: { happy } }, ...rest } };
}
