/**
 * `node --import`: tells each operation that changes files below `CUT_BELOW` as lines of JSON on stdout, and ends the
 * process by SIGKILL at the one that `CUT_AT` names (`{"name", "time", "moment"}`): `before` it, `after` it, or `within` a
 * write, when half of its bytes are in the file. Nothing of the program under test knows of it.
 */
import fs, { writeSync } from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const below = `${process.env.CUT_BELOW}/`;
const wanted = JSON.parse(process.env.CUT_AT ?? 'null');
let count = 0;
/** How often each was begun. */
const times = new Map();

function tell(event) {
  writeSync(1, `${JSON.stringify(event)}\n`);
}

/** The same in each run, whatever is drawn by lot or begun in another order: what is done, to which file. */
function nameOf(op, path) {
  const place = `${path}/`.startsWith(below) ? path.slice(below.length) : path;
  return `${op} ${place.replace(/\.[0-9a-f]{12}\.tmp$/u, '.tmp').replaceAll(/(takeover|released)-[0-9a-f]{24}/gu, '$1')}`;
}

function cut({ name, time }, moment) {
  const isIt = wanted !== null && wanted.moment === moment && wanted.name === name && wanted.time === time;
  if (isIt) process.kill(process.pid, 'SIGKILL');
}

/** Each operation is told when it begins and when it has ended: several may be under way. */
function begin(op, path, to) {
  const name = nameOf(op, typeof to === 'string' ? to : path);
  const time = (times.get(name) ?? 0) + 1;
  times.set(name, time);
  count += 1;
  const operation = { n: count, name, time };
  tell({ at: 'begin', ...operation, op, path, ...(to === undefined ? {} : { to }) });
  cut(operation, 'before');
  return operation;
}

function end(operation) {
  tell({ at: 'end', n: operation.n });
  cut(operation, 'after');
}

const isCutWithin = ({ name, time }) =>
  wanted !== null && wanted.moment === 'within' && wanted.name === name && wanted.time === time;

const isOurs = (path) => typeof path === 'string' && `${path}/`.startsWith(below);

/** Of `open`: whether it makes the file. */
const creates = (flags) =>
  typeof flags === 'string' ? /[wa]/u.test(flags) : ((flags ?? 0) & fs.constants.O_CREAT) !== 0;

function half(data) {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  return bytes.subarray(0, Math.floor(bytes.length / 2));
}

/** Operations on a path; `to` of the second argument for those that have two. */
const ON_PATHS = {
  mkdir: {},
  unlink: {},
  rm: {},
  rmdir: {},
  rename: { hasTwo: true },
  link: { hasTwo: true },
  copyFile: { hasTwo: true },
  symlink: { hasTwo: true },
  truncate: {},
  utimes: {},
  chmod: {},
  writeFile: { isWrite: true },
  appendFile: { isWrite: true },
};

for (const [op, { hasTwo = false, isWrite = false }] of Object.entries(ON_PATHS)) {
  const original = promises[op];
  promises[op] = async (path, second, ...rest) => {
    if (!isOurs(path)) return original(path, second, ...rest);
    const operation = begin(op, path, hasTwo ? second : undefined);
    if (isWrite && isCutWithin(operation)) {
      await original(path, half(second), ...rest);
      cut(operation, 'within');
    }
    const result = await original(path, second, ...rest);
    end(operation);
    return result;
  };
  const sync = fs[`${op}Sync`];
  fs[`${op}Sync`] = (path, second, ...rest) => {
    if (!isOurs(path)) return sync(path, second, ...rest);
    const operation = begin(op, path, hasTwo ? second : undefined);
    const result = sync(path, second, ...rest);
    end(operation);
    return result;
  };
}

const paths = new WeakMap();
const { open } = promises;
promises.open = async (path, flags, ...rest) => {
  if (!isOurs(path)) return open(path, flags, ...rest);
  const operation = creates(flags) ? begin('create', path) : null;
  const file = await open(path, flags, ...rest);
  paths.set(file, path);
  if (operation !== null) end(operation);
  return file;
};

const someFile = await open('/dev/null', 'r');
const FileHandle = Object.getPrototypeOf(someFile);
await someFile.close();
for (const [method, op] of Object.entries({
  sync: 'fsync',
  datasync: 'fsync',
  writeFile: 'write',
  appendFile: 'write',
  write: 'write',
  truncate: 'truncate',
})) {
  const original = FileHandle[method];
  FileHandle[method] = async function recorded(...args) {
    const path = paths.get(this);
    if (path === undefined) return original.apply(this, args);
    const operation = begin(op, path);
    if (op === 'write' && isCutWithin(operation)) {
      await original.call(this, half(args[0]));
      cut(operation, 'within');
    }
    const result = await original.apply(this, args);
    end(operation);
    return result;
  };
}

const descriptors = new Map();
const { openSync, fsyncSync, closeSync } = fs;
fs.openSync = (path, flags, ...rest) => {
  if (!isOurs(path)) return openSync(path, flags, ...rest);
  const operation = creates(flags) ? begin('create', path) : null;
  const fd = openSync(path, flags, ...rest);
  descriptors.set(fd, path);
  if (operation !== null) end(operation);
  return fd;
};
fs.fsyncSync = (fd) => {
  const path = descriptors.get(fd);
  if (path === undefined) return fsyncSync(fd);
  const operation = begin('fsync', path);
  fsyncSync(fd);
  return end(operation);
};
fs.closeSync = (fd) => {
  descriptors.delete(fd);
  closeSync(fd);
};

syncBuiltinESMExports();
