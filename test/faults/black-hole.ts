/** A port that takes no connection for a while: its queue is full and nobody accepts, so that the system drops what asks. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { onTestFinished } from 'vitest';

/** The thread stands still from its first breath until it is woken; then it hands connections on. */
const THREAD = `
const { workerData: { gate, target }, parentPort } = require('node:worker_threads');
const { createServer, connect } = require('node:net');
const server = createServer((socket) => {
  const other = connect(target, '127.0.0.1');
  socket.on('error', () => other.destroy());
  other.on('error', () => socket.destroy());
  socket.pipe(other).pipe(socket);
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
  parentPort.postMessage(server.address().port);
  Atomics.wait(gate, 0, 0);
});
`;

/** `target`: where connections go once it is open. */
export async function blackHole(target: number): Promise<{ port: number; open: () => void }> {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const thread = new Worker(THREAD, { eval: true, workerData: { gate, target } });
  const port = await new Promise<number>((resolve) => thread.once('message', resolve));
  const fillers: Socket[] = [];
  const open = () => {
    for (const socket of fillers) socket.destroy();
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
  };
  onTestFinished(async () => {
    open();
    await thread.terminate();
  });
  for (let n = 0; n < 4; n += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    fillers.push(socket);
    await sleep(20);
  }
  return { port, open };
}
