/** `imgproof status`: server, worker, open batches; starts nothing (SPEC C5, H5). */
import type { Command } from 'commander';
import type { OpenBatch } from '../client.ts';
import { print, printJson, safe } from './output.ts';
import { isEmbedded, openSession, settingsOf } from './session.ts';
import { addServerFlags, type ServerFlags } from './flags.ts';

export function register(command: Command): void {
  addServerFlags(command)
    .argument('[batch]', 'id of one batch; without it: server, worker, open batches')
    .option('--json', 'print one JSON document')
    .action(async (batchId: string | undefined, flags: StatusFlags) => {
      if (batchId !== undefined) return statusOfBatch(batchId, flags);
      const settings = settingsOf();
      const embedded = (await isEmbedded(settings, flags)) ? await embeddedState(settings.home) : null;
      const isUp = embedded === null || embedded.status === 'ready';
      const place = isUp ? await openBatches(flags) : null;
      const batches = place?.batches ?? null;
      const server = embedded === null && place !== null ? place.server : null;
      if (flags.json)
        return printJson({
          ok: true,
          home: settings.home,
          embedded,
          ...(server && { server }),
          open_batches: batches,
          exit_code: 0,
          reason: 'status',
        });
      print(`home     ${settings.home}`);
      if (embedded !== null) for (const line of embedded.lines) print(line);
      if (server !== null) print(`server   ${server.address}  namespace ${safe(server.namespace)}`);
      if (batches !== null) print(`batches  ${batches.length === 0 ? 'none open' : ''}`);
      for (const { batch_id, started_at } of batches ?? [])
        print(`  ▷ ${safe(batch_id)}  since ${started_at}`);
    });
}

interface StatusFlags extends ServerFlags {
  json?: boolean;
}

async function statusOfBatch(batchId: string, flags: StatusFlags): Promise<void> {
  const { withLook } = await import('./look-session.ts');
  const { tellBatch } = await import('./batch-status.ts');
  await withLook(flags, (session) => tellBatch(session, batchId, { json: flags.json === true }));
}

async function embeddedState(home: string) {
  const { embeddedStatus } = await import('../embedded/embedded.ts');
  const state = await embeddedStatus(home);
  const { status, server, worker, address, webUi, error } = state;
  const lines = [
    `server   ${server === null ? 'down' : `${address ?? ''} (pid ${server.pid})  Web UI ${webUi ?? ''}`}`,
    `worker   ${worker === null ? 'down' : `pid ${worker.pid}`}${status === 'ready' ? '' : `  (${status})`}`,
    ...(error === undefined ? [] : [`problem  ${error}`]),
  ];
  return { ...state, lines };
}

async function openBatches(
  flags: ServerFlags,
): Promise<{ server: { address: string; namespace: string }; batches: OpenBatch[] }> {
  const session = await openSession(settingsOf(), flags, { orders: false });
  try {
    const { listOpenBatches } = await import('../client.ts');
    const { address, namespace, client } = session;
    return { server: { address, namespace }, batches: await listOpenBatches(client) };
  } finally {
    await session.close();
  }
}
