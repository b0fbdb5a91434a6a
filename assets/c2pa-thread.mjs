/** The thread in which `src/proof/c2pa.ts` validates images: JavaScript, so that it runs from the sources and from the build alike. */
import { parentPort, workerData } from 'node:worker_threads';
import init, { WasmReader } from '@contentauth/c2pa-wasm';

const { module, settings, longestStore } = workerData;
const { memory } = await init({ module_or_path: module });

parentPort.on('message', ({ image, mediaType }) => {
  void read(image, mediaType).then((answer) =>
    parentPort.postMessage({ ...answer, memoryBytes: memory.buffer.byteLength }, []),
  );
});
parentPort.postMessage('ready', []);

/** After a trap nothing in the module's memory is sure: it must not be used again. */
async function read(image, mediaType) {
  try {
    const reader = await WasmReader.fromBytes(mediaType, image, settings);
    const store = reader.json();
    reader.free();
    if (store.length > longestStore)
      return { error: `its manifests are ${store.length} characters of JSON`, isTrap: false };
    return { store };
  } catch (error) {
    return { error: String(error?.message ?? error), isTrap: error instanceof WebAssembly.RuntimeError };
  }
}
