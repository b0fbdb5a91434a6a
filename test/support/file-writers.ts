/** Which rows of FILE_WRITERS a file on disk fits. */
import { FILE_WRITERS } from '../../src/domain/layout.ts';

export interface Places {
  outputDir: string;
  home: string;
  /** Of queue runs. */
  stateDir?: string;
}

/** In order of the table; a file that has its place fits exactly one. */
export function rowsFor(path: string, places: Places): string[] {
  return Object.keys(FILE_WRITERS).filter((pattern) => asRegExp(pattern, places).test(path));
}

function asRegExp(pattern: string, places: Places): RegExp {
  const text = pattern.replaceAll(
    /<\w+>|\[-k\]|\[…\]|NNNN|NN|…|[.]/gu,
    (token) => TOKENS[token]?.(places) ?? `<unknown ${token}>`,
  );
  return new RegExp(`^${text}$`, 'u');
}

const escaped = (path: string) => path.replaceAll(/[^A-Za-z0-9/_-]/gu, String.raw`\$&`);
const NAME = '[A-Za-z0-9_][A-Za-z0-9._-]*';
const STAMP = String.raw`\d{8}-\d{6}`;
const stateDir = ({ stateDir: path = '/no-queue' }: Places) => escaped(path);
const queueTask = (places: Places) => `${stateDir(places)}/tasks/t-${STAMP}-[0-9a-f]{10}`;
const batchDir = (places: Places) =>
  `(?:${escaped(places.outputDir)}/batches/${NAME}-${STAMP}-[0-9a-f]{6}|${stateDir(places)}/runs/${NAME})`;
const TOKENS: Record<string, (places: Places) => string> = {
  '<output_dir>': ({ outputDir }) => escaped(outputDir),
  '<batch_dir>': batchDir,
  '<run_dir>': (places) =>
    String.raw`(?:${escaped(places.outputDir)}/_runs/${NAME}-${STAMP}(?:-[2-9]\d*)?|${batchDir(places)}/\d{2,}-${NAME}|${queueTask(places)})`,
  '<state_dir>': stateDir,
  '<task_id>': () => `t-${STAMP}-[0-9a-f]{10}`,
  '<home>': ({ home }) => escaped(home),
  '<generation>': () => 'g-[0-9a-f]{32}',
  '<name>': () => NAME,
  '<stamp>': () => STAMP,
  '<ext>': () => '(?:png|jpg|webp)',
  '<sha256>': () => '[0-9a-f]{64}',
  '<content>': () => '[0-9a-f]{24}',
  '<hash>': () => '[0-9a-f]{32}',
  '<attempt>': () => '[0-9a-f]{24}',
  '<process>': () => String.raw`\d+-[0-9a-f]{8}`,
  '[-k]': () => String.raw`(?:-[2-9]\d*)?`,
  '[…]': () => String.raw`(?:[.-][\w.-]+)?`,
  NNNN: () => String.raw`\d{4}`,
  NN: () => String.raw`\d{2,}`,
  '…': () => '.+',
  '.': () => String.raw`\.`,
};
