/**
 * `node --import`: tells every module that the process resolves or holds, as lines `loaded <url>` on stderr, and every
 * process that it starts, as lines `spawned <program>`.
 */
import childProcess, { ChildProcess } from 'node:child_process';
import { writeSync } from 'node:fs';
import { createRequire, register, syncBuiltinESMExports } from 'node:module';

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

const { spawn } = ChildProcess.prototype;
ChildProcess.prototype.spawn = function tellAndSpawn(options) {
  writeSync(2, `spawned ${options.file}\n`);
  return spawn.call(this, options);
};
for (const name of ['spawnSync', 'execFileSync', 'execSync']) {
  const original = childProcess[name];
  childProcess[name] = (program, ...rest) => {
    writeSync(2, `spawned ${program}\n`);
    return original(program, ...rest);
  };
}
syncBuiltinESMExports();
