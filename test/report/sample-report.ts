/** Data of a report without a batch behind it: many tasks, or such as want to be more than text. */
import type { ReportTask } from '../../src/report/report-data.ts';

const EVIL = 'globalThis.hacked=1';

/** Prompts and names as somebody may write them who wants the reader's browser to do something. */
export const HOSTILE_TEXTS: readonly string[] = [
  `<script>${EVIL}</script>`,
  `</script><script>${EVIL}</script>`,
  `<img src=x onerror=${EVIL}>`,
  `"><svg onload=${EVIL}>`,
  `' onmouseover='${EVIL}`,
  `javascript:${EVIL}`,
  `<a href="javascript:${EVIL}">x</a>`,
  `<iframe srcdoc="<script>${EVIL}</script>"></iframe>`,
  '<!--<script>',
  ']]><!--',
  `{{constructor.constructor('${EVIL}')()}}`,
  `\${${EVIL}}`,
  `\`+${EVIL}+\``,
  '\u2028\u2029line separators',
  '\u202Egnp.exe\u202C right to left',
  '\u0007\u001B[31mred\u001B[0m',
  '\u0000null',
  '__proto__',
  'constructor',
  `<style>*{background:url(https://evil.example/x)}</style>`,
  '<link rel=stylesheet href=https://evil.example/x.css>',
  '<base href=https://evil.example/>',
  '<meta http-equiv=refresh content="0;url=https://evil.example">',
  '<form action=https://evil.example><input name=a></form>',
  '<object data=https://evil.example></object>',
  '<embed src=https://evil.example>',
  `<math><mtext></form><form><mglyph><style></math><img src onerror=${EVIL}>`,
  `<noscript><p title="</noscript><img src=x onerror=${EVIL}>">`,
  `<textarea></textarea><img src=x onerror=${EVIL}>`,
  `data:text/html,<script>${EVIL}</script>`,
  '../../../../etc/passwd',
  'file:///etc/passwd',
  'a'.repeat(5_000),
  '封面 🎨👩‍👩‍👧‍👦 \u0301\u0301\u0301',
  '=cmd|"/c calc"!A1',
  '&lt;script&gt;&amp;',
  '%3Cscript%3E',
  '\\u003cscript\\u003e',
  '<details open ontoggle=globalThis.hacked=1>',
  '   ',
];

export function sampleReport(count: number, hostile: boolean) {
  const text = hostile ? HOSTILE_TEXTS[0] : undefined;
  const tasks = Array.from({ length: count }, (_, i) => taskOf(i, hostile ? HOSTILE_TEXTS[i] : undefined));
  const batch = {
    id: hostile ? (HOSTILE_TEXTS[0] as string) : 'many',
    name: hostile ? (HOSTILE_TEXTS[1] as string) : 'Many covers',
    folder: '/out/batches/many',
    created_at: '2026-11-26T12:00:00.000Z',
    as_of: '2026-11-26T14:00:00.000Z',
    has_ended: true,
    total: count,
    counters: {},
    kind: 'batch',
    cost: {
      no: 0,
      possible: 2,
      yes: count,
      currency: text ?? 'USD',
      spent_micros: count * 40_000,
      possibly_spent_micros: 80_000,
    },
    broken: [],
    note: null,
    verdict: 'proven',
    evidence: { signature: signature('trusted'), c2pa: null },
    warnings: [],
  };
  return { lang: 'en', batch, tasks };
}

type ShownTask = Omit<ReportTask, 'references' | 'image_path' | 'result_json'>;

function taskOf(i: number, text: string | undefined): ShownTask {
  const at = Date.parse('2026-11-26T12:00:00.000Z') + i * 20_000;
  const failed = i % 9 === 5;
  return {
    index: i + 1,
    name: text ?? `cover-${i + 1}`,
    key: text ?? `many/cover-${i + 1}`,
    status: failed ? 'failed' : 'completed',
    mode: i % 3 === 0 ? 'img2img 参考图生图' : 'text2img 文生图',
    provider: 'happy',
    model: 'gpt-image-2',
    size: '1024x1024',
    prompt: text ?? `A quiet shop counter at dawn, warm light, number ${i + 1}`,
    prompt_sent: i % 5 === 0 ? `${text ?? 'A quiet shop counter at dawn'} fully clothed, safe for work` : '',
    prompt_added: i % 5 === 0 ? (text ?? 'fully clothed, safe for work') : '',
    safety_rules: i % 5 === 0 ? ['adult-clothed'] : [],
    image: failed ? null : { bytes: 1_800_000, sha256: 'a'.repeat(64), width: 1024, height: 1024 },
    image_name: failed ? null : (text ?? `cover-${i + 1}.png`),
    thumb: text?.startsWith('javascript') === true ? text : failed ? null : `thumbs/${i % 4}.webp`,
    image_link: text ?? null,
    result_link: text ?? null,
    references:
      i % 3 === 0
        ? [
            {
              path: text ?? '/refs/a.png',
              name: text ?? 'a.png',
              sha256: 'b'.repeat(64),
              bytes: 1,
              thumb: 'thumbs/1.webp',
              link: text ?? null,
            },
          ]
        : [],
    attempts: [
      {
        attempt: 1,
        started_at: new Date(at).toISOString(),
        ended_at: new Date(at + 70_000).toISOString(),
        http_status: failed ? 400 : 200,
        category: failed ? 'bad_request' : null,
        billing: failed ? 'no' : 'yes',
        worker: text ?? `host/slot-${(i % 4) + 1}`,
        next_at: null,
      },
    ],
    billing: { no: 0, possible: 0, yes: 1 },
    error: failed ? (text ?? 'HTTP 400: size is not supported') : null,
    warnings: text === undefined ? [] : [text],
    verdict: failed ? 'not completed' : 'proven',
    broken: failed ? [{ id: 'ok-true', en: text ?? 'The call delivered.', zh: '调用已交付。' }] : [],
    evidence: { signature: signature('trusted', text), c2pa: null },
    proof: { task_key: text ?? `many/cover-${i + 1}`, request_id: text ?? 'req_1' },
    run_dir: text ?? '/out/batches/many/01-cover',
    adopted_from: null,
    seconds: 70,
  } as ShownTask;
}

function signature(state: 'trusted', detail = 'key 108e5d51c764…') {
  return { state, key_id: null, signed_at: null, detail };
}
