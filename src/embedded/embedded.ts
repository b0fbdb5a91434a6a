/** The embedded stack as the CLI sees it (SPEC C5): make sure it runs, say how it is, stop it. */
export { holdApiLane } from './api-hold.ts';
export type { CallInFlight } from './calls-in-flight.ts';
export { ensureEmbedded, temporalBinary } from './ensure.ts';
export { keepInUse } from './idle.ts';
export { embeddedStatus, isLeftAlone, isOwnAddress, isStoppedOnPurpose } from './status.ts';
export { stopEmbedded } from './stop.ts';
export { workerFacts } from './worker-facts.ts';
