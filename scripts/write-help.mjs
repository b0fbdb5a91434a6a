/** `write-help.mjs <build folder>`: the texts of `--help`, as `bin/imgproof.js` tells them. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const folder = resolve(process.argv[2] ?? 'dist');
const { helpTexts } = await import(pathToFileURL(join(folder, 'cli', 'help-texts.js')).href);
writeFileSync(join(folder, 'help.json'), JSON.stringify(await helpTexts()));
