/**
 * Temporal's client, loaded by `require`: for an `import` statement Node would read all of its CommonJS files once more, for the
 * names that they export, and every command would wait for that.
 */
import { createRequire } from 'node:module';
import { whileLoading } from './loading.ts';

const require = createRequire(import.meta.url);

/** Classes and functions of `@temporalio/client`; types are imported from the package. */
export const sdk = whileLoading(() => require('@temporalio/client') as typeof import('@temporalio/client'));

export const { ApplicationFailure, defineSearchAttributeKey } =
  require('@temporalio/common') as typeof import('@temporalio/common');
