#!/usr/bin/env node
'use strict';
/**
 * Who asks for help does not wait for the program: its texts were made by the build. CommonJS, because Node's loader of
 * ES modules alone would take a third of that time.
 */
const { argv, stdout } = process;
const args = argv.slice(2);
const help = /^(-h|--help)$/u.test(args.at(-1)) ? helpOf(args.slice(0, -1)) : undefined;

if (help === undefined) void start();
// The program knows what to do about an output that can't be written.
else stdout.once('error', () => void start()).write(help);

/** @param {string[]} words */
function helpOf(words) {
  const texts = require('../dist/help.json');
  return Object.hasOwn(texts, words.join(' ')) ? texts[words.join(' ')] : undefined;
}

async function start() {
  const { main } = await import('../dist/cli/main.js');
  await main(args);
}
