import { CommandProblem, EXIT } from './exit-codes.ts';
import type { ServerFlags } from './flags.ts';
import { isEmbedded, openSession, type Session, settingsOf } from './session.ts';

/**
 * For commands that only look: they start nothing, because what is started goes on with open orders, and spends.
 * @throws CommandProblem exit 3 when the embedded server is down
 */
export async function withLook<T>(flags: ServerFlags, act: (session: Session) => Promise<T>): Promise<T> {
  const settings = settingsOf();
  if (await isEmbedded(settings, flags)) {
    const { embeddedStatus } = await import('../embedded/embedded.ts');
    const { status } = await embeddedStatus(settings.home);
    if (status !== 'ready')
      throw new CommandProblem(
        EXIT.environment,
        `the embedded server is ${status === 'failed' ? 'down' : status}, so nothing is known of its orders now; \`imgproof up\` starts it, and with it what is open`,
      );
  }
  const session = await openSession(settings, flags, { orders: false });
  try {
    return await act(session);
  } finally {
    await session.close();
  }
}
