/** A process that takes a lock, says so, and holds it until it is killed (or releases it on SIGTERM). */
import { acquireLock } from '../../src/host/lock.ts';

const lock = await acquireLock(process.argv[2] as string);
process.stdout.write(`${lock.kind}\n`);
if (lock.kind === 'acquired') {
  process.once('SIGTERM', () => void lock.release().then(() => process.exit(0)));
  setInterval(() => undefined, 1_000);
}
