/** Images that OpenAI signed, read where they are: `shared/data` beside the checkout, or beside its worktrees. Never committed. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PLACES = ['../../../shared/data/gpt-image-2', '../../../../shared/data/gpt-image-2'].map((place) =>
  fileURLToPath(new URL(place, import.meta.url)),
);
const place = PLACES.find((path) => existsSync(path));

export const REAL_IMAGES =
  place === undefined
    ? []
    : readdirSync(place)
        .filter((name) => name.endsWith('.png'))
        .sort()
        .map((name) => join(place, name));

/** For `skip` of a test: whether, and why. */
export const WITHOUT_REAL_IMAGES: [boolean, string] = [
  REAL_IMAGES.length === 0,
  `there are no real images at ${PLACES.join(' or ')}`,
];
