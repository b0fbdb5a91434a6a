/** `node --import`: tells every module that the process resolves or holds, as lines `loaded <url>` on stderr. */
import { createRequire, register } from 'node:module';

const hooks = `
import { writeSync } from 'node:fs';
export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  writeSync(2, 'loaded ' + found.url + '\\n');
  return found;
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
process.once('exit', () => {
  for (const path of Object.keys(createRequire(import.meta.url).cache))
    process.stderr.write(`loaded ${path}\n`);
});
