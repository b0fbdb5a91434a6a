/** The report as one HTML page: data, style and script inside, nothing from anywhere else (SPEC P4). */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

export type Language = 'en' | 'zh';

/** By this a page is known to be ours. */
export const GENERATOR = '<meta name="generator" content="imgproof report">';

/** `data` becomes JSON in the page. What stands in it is shown as text, whatever it is. */
export async function pageOf(
  data: object,
  { title, lang }: { title: string; lang: Language },
): Promise<string> {
  const [style, ...scripts] = await Promise.all(['report.css', ...SCRIPTS].map(asset));
  const script = scripts.join('\n');
  const policy = [
    "default-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    `style-src '${hashOf(style as string)}'`,
    `script-src '${hashOf(script)}'`,
    // Of a page that is opened from the disk, 'self' names nothing in some browsers.
    "img-src 'self' file:",
  ].join('; ');
  return `<!doctype html>
<html lang="${lang === 'zh' ? 'zh-CN' : 'en'}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
${GENERATOR}
<meta name="color-scheme" content="light dark">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<noscript><p>This page shows its pictures and records with a script of its own; nothing is loaded from elsewhere. 本页需要启用脚本。</p></noscript>
<script type="application/json" id="data">${embedded(data)}</script>
<script>${script}</script>
</body>
</html>
`;
}

/** In this order one program. */
const SCRIPTS = [
  '0-words.js',
  '1-base.js',
  '2-view.js',
  '3-controls.js',
  '4-frames.js',
  '5-timeline.js',
  '6-task.js',
  '7-record.js',
  '8-keys.js',
];

async function asset(name: string): Promise<string> {
  return readFile(fileURLToPath(new URL(`../../assets/report/${name}`, import.meta.url)), 'utf8');
}

function hashOf(content: string): string {
  return `sha256-${createHash('sha256').update(content).digest('base64')}`;
}

/** No `</script>`, no `<!--`, and no line separators that JSON allows and older scripts do not. */
function embedded(data: object): string {
  return JSON.stringify(data).replaceAll(
    /[<>&\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/gu, (character) => `&#${character.charCodeAt(0)};`);
}
