/** Payloads that a client has put into a storage of its own, and sent a reference for. */
import { ExternalStorage, type StorageDriver } from '@temporalio/common';

/**
 * No worker of ours can fetch them, and the SDK would fail the workflow task for that, for ever. This hands each one on as
 * what it is, so that the guard of the input refuses it like any other payload that is no JSON (SPEC T1).
 */
export class UnreachableStorage extends ExternalStorage {
  constructor() {
    super({
      drivers: [NOWHERE],
      driverSelector: () => null,
      payloadSizeThreshold: Number.MAX_SAFE_INTEGER,
    });
  }

  /** Whatever the storage of the reference is called. */
  override getDriver(): StorageDriver {
    return NOWHERE;
  }
}

const NOWHERE: StorageDriver = {
  name: 'none',
  type: 'none',
  store: () => Promise.reject(new Error('nothing is stored outside of Temporal')),
  retrieve: (_, claims) =>
    Promise.resolve(
      claims.map(() => ({ metadata: { encoding: Buffer.from('reference to external storage') } })),
    ),
};
