/** A workflow's history as `temporal workflow show --output json` writes it. */
export { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
