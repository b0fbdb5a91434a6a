/** A limit for the memory of a WebAssembly module that declares none: its `memory.grow` fails beyond, whatever the code does. */

const HEADER_BYTES = 8;
const MEMORY_SECTION = 5;
const PAGE_BYTES = 65_536;

/**
 * The same module with a maximum for the one memory that it defines (WebAssembly Core 2.0, 5.5.8).
 * @throws Error when it has no such memory, or one with a maximum already
 */
export function withMemoryLimit(module: Buffer, limitBytes: number): Buffer {
  let at = HEADER_BYTES;
  while (at < module.length) {
    const id = module.readUInt8(at);
    const [size, content] = readNumber(module, at + 1);
    if (id === MEMORY_SECTION) {
      const section = limited(module.subarray(content, content + size), Math.floor(limitBytes / PAGE_BYTES));
      return Buffer.concat([module.subarray(0, at), section, module.subarray(content + size)]);
    }
    at = content + size;
  }
  throw new Error('the WebAssembly module defines no memory');
}

function limited(section: Buffer, pages: number): Buffer {
  const [count, kind] = section;
  if (count !== 1 || kind !== 0) throw new Error('the memory of the WebAssembly module has another form');
  const content = Buffer.concat([Buffer.from([1, 1]), section.subarray(2), numberBytes(pages)]);
  return Buffer.concat([Buffer.from([MEMORY_SECTION]), numberBytes(content.length), content]);
}

/** Unsigned LEB128: the number, and where the next byte stands. */
function readNumber(bytes: Buffer, from: number): [number, number] {
  let [value, shift, at] = [0, 0, from];
  for (;;) {
    const byte = bytes.readUInt8(at);
    value += (byte & 0x7f) * 2 ** shift;
    shift += 7;
    at += 1;
    if (byte < 0x80) return [value, at];
  }
}

function numberBytes(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}
