/** (a) The bare loop: one process of Node, four calls at a time. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { API_KEY } from './provider-process.ts';
import type { Order, Runner } from './runner.ts';

const PROGRAM = fileURLToPath(new URL('loop.mjs', import.meta.url));

export function loopRunner(folder: string): Runner {
  const outputOf = ({ label }: Order) => join(folder, 'loop', label);
  return {
    name: 'loop',
    standing: () => Promise.resolve({}),
    prepare: async (order) => {
      const output = outputOf(order);
      await mkdir(output, { recursive: true });
      const orderFile = join(output, 'order.json');
      const { baseUrl, size, tasks } = order;
      await writeFile(orderFile, JSON.stringify({ baseUrl, size, tasks, apiKey: API_KEY, folder: output }));
      return { args: [PROGRAM, orderFile], env: { PATH: process.env['PATH'] }, cwd: output };
    },
    delivered: (order) =>
      order.tasks.map(({ name }) => ({
        task: name,
        imagePath: join(outputOf(order), `${name}.png`),
        resultJson: join(outputOf(order), `${name}.result.json`),
      })),
  };
}
