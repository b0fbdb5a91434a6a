/** `imgproof status`: server, worker, open batches; starts nothing (SPEC C5, H5). */
import type { Command } from 'commander';
import type { StandingBatch } from './open-batches.ts';
import { print, printJson, printLines, safe } from './output.ts';
import type { Line } from './paint.ts';
import { isEmbedded, openSession, settingsOf } from './session.ts';
import { addServerFlags, type ServerFlags } from './flags.ts';
import { lookOf } from './terminal.ts';

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
      const server = embedded === null && place !== null ? place.server : null;
      if (flags.json)
        return printJson({
          ok: true,
          home: settings.home,
          embedded,
          ...(server && { server }),
          open_batches: place?.batches ?? null,
          exit_code: 0,
          reason: 'status',
        });
      print(`home     ${settings.home}`);
      if (embedded !== null) for (const line of embedded.lines) print(line);
      if (server !== null) print(`server   ${server.address}  namespace ${safe(server.namespace)}`);
      if (place !== null && place.batches.length === 0) print('batches  none open');
      if (place !== null && place.batches.length > 0) printLines([[], ...place.lines]);
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

interface Place {
  server: { address: string; namespace: string };
  batches: StandingBatch[];
  /** The batches, for people. */
  lines: Line[];
}

async function openBatches(flags: ServerFlags): Promise<Place> {
  const session = await openSession(settingsOf(), flags, { orders: false });
  try {
    const { listOpenBatches } = await import('../client.ts');
    const { standingBatch, standingLines, standingsOf } = await import('./open-batches.ts');
    const { address, namespace, client } = session;
    const standings = await standingsOf(session, await listOpenBatches(client));
    return {
      server: { address, namespace },
      batches: standings.map(standingBatch),
      lines: standingLines(standings, lookOf(process.stdout)),
    };
  } finally {
    await session.close();
  }
}
