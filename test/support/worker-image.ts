/** The last stage of the Dockerfile in a folder: what it copies and nothing else, production dependencies included. */
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { copiesOf, readDockerfile, ROOT } from './deploy-files.ts';

/** Variables that keep Node within the folder, though its packages are links. */
export const WITHIN_IMAGE = { NODE_OPTIONS: '--preserve-symlinks --preserve-symlinks-main' };

/** @returns the folder that stands for `/app` */
export function assembleImage(folder: string): string {
  const app = join(folder, 'app');
  mkdirSync(app, { recursive: true });
  for (const { from, sources, target } of copiesOf(readDockerfile().at(-1) ?? [])) {
    for (const source of sources) {
      // The working folder of both stages is /app; what a stage made is made by the same build here.
      const path = join(ROOT, from === null ? source : source.replace('/app/', ''));
      const place = join(app, target.endsWith('/') ? join(target, basename(source)) : target);
      if (basename(path) === 'node_modules') linkProductionPackages(place);
      else cpSync(path, place, { recursive: true });
    }
  }
  return app;
}

/** What `npm prune --omit=dev` leaves, by the lock file; nested packages come with the one around them. */
function linkProductionPackages(nodeModules: string): void {
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>;
  };
  for (const [path, { dev }] of Object.entries(lock.packages)) {
    const isOwn = path.startsWith('node_modules/') && path.lastIndexOf('node_modules/') === 0;
    // Optional packages of other platforms are not there.
    if (!isOwn || dev || !existsSync(join(ROOT, path))) continue;
    const place = join(nodeModules, path.slice('node_modules/'.length));
    mkdirSync(dirname(place), { recursive: true });
    symlinkSync(join(ROOT, path), place);
  }
}
