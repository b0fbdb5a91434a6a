/** DESIGN 3: an import not listed is a lint error. Judged by the linter on a tree that has one import per file. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { newFolder } from '../support/temp-folder.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Importing file → what it may not import, and what it may. `type …` is an `import type`, `lazy …` an `await import()`. */
const RULES: Record<string, { refused: string[]; allowed: string[] }> = {
  'src/domain/x.ts': {
    refused: ['node:fs', 'zod', '../host/a.ts', '@temporalio/workflow'],
    allowed: ['./a.ts'],
  },
  'src/workflows/x.ts': {
    refused: [
      'node:fs',
      'zod',
      '../host/a.ts',
      '../activities/index.ts',
      '@temporalio/client',
      '@temporalio/worker',
    ],
    allowed: ['./a.ts', '../domain/a.ts', '@temporalio/workflow', '@temporalio/common'],
  },
  'src/host/x.ts': {
    refused: ['../domain/a.ts', '../artifacts/a.ts', '@temporalio/client'],
    allowed: ['node:fs'],
  },
  'src/intake/x.ts': {
    refused: ['../host/a.ts', '../config.ts', '@temporalio/common'],
    allowed: ['../domain/a.ts', 'zod'],
  },
  'src/provider/x.ts': {
    refused: ['../artifacts/a.ts', '../config.ts', '@temporalio/client'],
    allowed: ['../domain/a.ts', 'undici'],
  },
  'src/artifacts/x.ts': {
    refused: ['../provider/answer.ts', '../activities/a.ts', '../config.ts', '@temporalio/client'],
    allowed: ['../domain/a.ts', '../host/a.ts', '../provider/redact.ts'],
  },
  'src/proof/x.ts': {
    refused: ['../activities/a.ts', '../cli/a.ts', '@temporalio/client'],
    allowed: ['../domain/a.ts', '../artifacts/a.ts'],
  },
  'src/report/x.ts': {
    refused: ['../activities/a.ts', '../cli/a.ts', '../host/a.ts', '@temporalio/client'],
    allowed: ['../domain/a.ts', '../artifacts/a.ts', '../proof/a.ts', 'yazl'],
  },
  'src/activities/x.ts': {
    refused: [
      '../config.ts',
      '../host/a.ts',
      '../cli/a.ts',
      '../embedded/a.ts',
      '@temporalio/client',
      '@temporalio/worker',
    ],
    allowed: [
      '../domain/a.ts',
      '../intake/a.ts',
      '../provider/a.ts',
      '../artifacts/a.ts',
      '@temporalio/activity',
    ],
  },
  'src/config/x.ts': {
    refused: ['../cli/a.ts', '../embedded/a.ts', '@temporalio/client'],
    allowed: ['../domain/a.ts', '../host/a.ts'],
  },
  'src/embedded/x.ts': {
    refused: ['../cli/a.ts', '../client.ts', '../activities/a.ts', '@temporalio/client'],
    allowed: ['../host/a.ts', '../config.ts'],
  },
  'src/worker/x.ts': {
    refused: ['../config.ts', '../cli/a.ts', '../worker.ts', '../activities/a.ts', '@temporalio/activity'],
    allowed: [
      './a.ts',
      '../domain/a.ts',
      '../temporal/a.ts',
      '@temporalio/worker',
      '@temporalio/client',
      'pino',
    ],
  },
  'src/temporal/x.ts': {
    refused: ['../config.ts', '../domain/a.ts', '../client.ts', '@temporalio/client', '@temporalio/worker'],
    allowed: ['./a.ts', 'type @temporalio/client', '@temporalio/envconfig'],
  },
  'src/config.ts': {
    refused: ['zod', './client.ts', './embedded/a.ts', './provider/a.ts', '@temporalio/client'],
    allowed: ['./config/a.ts', './host/a.ts', './domain/a.ts'],
  },
  'src/client.ts': {
    refused: [
      'node:fs',
      'zod',
      './workflows/index.ts',
      'lazy ./workflows/index.ts',
      'type ./workflows/image-batch.ts',
      './cli/a.ts',
      './config.ts',
      './embedded/a.ts',
      './host/a.ts',
      './activities/a.ts',
      '@temporalio/client',
      '@temporalio/worker',
      '@temporalio/common',
    ],
    allowed: ['./domain/a.ts', './temporal/a.ts', 'type ./workflows/index.ts', 'type @temporalio/client'],
  },
  'src/client/x.ts': {
    refused: [
      'node:fs',
      '../workflows/index.ts',
      'type ../workflows/image-batch.ts',
      '../cli/a.ts',
      '../config.ts',
      '../embedded/a.ts',
      '../host/a.ts',
      '@temporalio/client',
      '@temporalio/worker',
      '@temporalio/common',
    ],
    allowed: [
      './a.ts',
      '../client.ts',
      '../domain/a.ts',
      '../temporal/a.ts',
      'type ../workflows/index.ts',
      'type @temporalio/client',
    ],
  },
  'src/worker.ts': {
    refused: [
      './cli/a.ts',
      './client.ts',
      './workflows/index.ts',
      '@temporalio/client',
      '@temporalio/testing',
    ],
    allowed: [
      'node:fs',
      'pino',
      './config.ts',
      './temporal/a.ts',
      './activities/index.ts',
      './artifacts/a.ts',
      './domain/a.ts',
      './embedded/a.ts',
      './host/a.ts',
      './intake/a.ts',
      './proof/a.ts',
      './provider/a.ts',
      '@temporalio/worker',
    ],
  },
  'src/cli/x.ts': {
    refused: [
      '../activities/a.ts',
      '../workflows/a.ts',
      'type ../workflows/a.ts',
      '../provider/a.ts',
      '../host/a.ts',
      '../config/settings.ts',
      'lazy ../provider/a.ts',
      '../worker.ts',
      '../activities/index.ts',
      '@temporalio/client',
      '@temporalio/worker',
      'type @temporalio/worker',
    ],
    allowed: [
      'node:fs',
      'commander',
      './a.ts',
      '../client.ts',
      '../client/a.ts',
      '../config.ts',
      '../embedded/a.ts',
      '../intake/a.ts',
      '../artifacts/a.ts',
      '../proof/a.ts',
      '../domain/a.ts',
      'lazy ../worker.ts',
      '../temporal/a.ts',
      'type @temporalio/client',
    ],
  },
};

describe('import rules', () => {
  const found = lint();
  test.each(Object.entries(RULES))('%s', (file, { refused, allowed }) => {
    expect(found.get(file)?.filter((name) => allowed.includes(name))).toEqual([]);
    expect(found.get(file)).toEqual(refused);
  });

  test('there is a rule for every folder and file of src', () => {
    const entries = readdirSync(join(ROOT, 'src'), { withFileTypes: true });
    const places = entries.map((entry) => `src/${entry.name}${entry.isDirectory() ? '/x.ts' : ''}`);
    expect(places.sort()).toEqual(Object.keys(RULES).sort());
  });
});

/** For each file the imports that the rule refused, in the order of the table. */
function lint(): Map<string, string[]> {
  const tree = newFolder();
  const config = JSON.parse(readFileSync(join(ROOT, '.oxlintrc.json'), 'utf8')) as { options: object };
  // Imports need no types, and the type-aware half would look for its program beside the probe tree.
  config.options = { ...config.options, typeAware: false };
  writeFileSync(join(tree, '.oxlintrc.json'), JSON.stringify(config));
  const names = new Map<string, string[]>();
  for (const [file, { refused, allowed }] of Object.entries(RULES)) {
    const imports = [...refused, ...allowed];
    mkdirSync(join(tree, dirname(file)), { recursive: true });
    writeFileSync(join(tree, file), imports.map((name, i) => `${importLine(name, i)}\n`).join(''));
    names.set(file, imports);
  }
  const oxlint = join(ROOT, 'node_modules', '.bin', 'oxlint');
  const { stdout, stderr } = spawnSync(oxlint, ['--format', 'json', '--disable-nested-config', '.'], {
    cwd: tree,
    encoding: 'utf8',
  });
  expect(stdout.trimStart(), `oxlint said no JSON: ${stdout} ${stderr}`).toMatch(/^\{/u);
  const { diagnostics } = JSON.parse(stdout) as {
    diagnostics: { code: string; filename: string; labels: { span: { line: number } }[] }[];
  };
  const lines = diagnostics.filter(({ code }) => code.includes('no-restricted-imports'));
  rmSync(tree, { recursive: true });
  return new Map(
    [...names].map(([file, imports]) => {
      const hit = new Set(
        lines.filter(({ filename }) => filename.endsWith(file)).map(({ labels }) => labels[0]?.span.line),
      );
      return [file, imports.filter((_, i) => hit.has(i + 1))];
    }),
  );
}

function importLine(name: string, i: number): string {
  const [kind, path] = name.split(' ');
  if (path === undefined) return `export { a as a${i} } from '${name}';`;
  return kind === 'type' ? `import type { A as A${i} } from '${path}';` : `await import('${path}');`;
}
