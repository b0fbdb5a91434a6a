/** Messages before money (SPEC C5): what is said to work on a stopped system takes effect before any paid call. */
import type { ServerFlags } from './flags.ts';
import { isEmbedded, openSession, type Session, settingsOf } from './session.ts';

/**
 * On the embedded system paid calls are held back while this command starts it, until `act` has ended and the workflows
 * have acted on what it said. A system that is up goes on as it is.
 */
export async function withMessages<T>(flags: ServerFlags, act: (session: Session) => Promise<T>): Promise<T> {
  const settings = settingsOf();
  const release = (await isEmbedded(settings, flags)) ? await hold(settings.home) : async () => undefined;
  try {
    const session = await openSession(settings, flags, { orders: false });
    try {
      return await act(session);
    } finally {
      await session.close();
    }
  } finally {
    await release();
  }
}

async function hold(home: string): Promise<() => Promise<void>> {
  const { holdApiLane } = await import('../embedded/embedded.ts');
  return holdApiLane(home);
}
