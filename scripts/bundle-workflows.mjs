/**
 * `bundle-workflows.mjs <build folder>`: the workflow code as one file, as the worker loads it. Made with the same version
 * of @temporalio/worker that runs it; the inline source map is part of it.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleWorkflowCode } from '@temporalio/worker';

const folder = resolve(process.argv[2] ?? 'dist');
const quiet = { trace() {}, debug() {}, info() {}, warn: console.warn, error: console.error, log() {} };
const { code } = await bundleWorkflowCode({
  workflowsPath: join(folder, 'workflows', 'index.js'),
  payloadConverterPath: join(folder, 'workflows', 'payload-converter.js'),
  workflowInterceptorModules: [join(folder, 'workflows', 'interceptors.js')],
  logger: quiet,
});
const target = join(folder, 'workflow-bundle.js');
writeFileSync(`${target}.tmp`, code);
renameSync(`${target}.tmp`, target);
