/** The catalogue is one table: the code's, the tests' and the page's. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { FAULTS, faultCases } from '../../src/domain/fault-catalogue.ts';
import { CONTENT_SCENARIOS } from './content-scenarios.ts';
import { DISK_SCENARIOS } from './disk-scenarios.ts';
import { HOST_SCENARIOS } from './host-scenarios.ts';
import { faultsPage, PAGE } from './page.ts';
import { SHOWN_ELSEWHERE } from './shown-elsewhere.ts';
import { STATUS_SCENARIOS } from './status-scenarios.ts';
import { UNANSWERED_SCENARIOS } from './unanswered-scenarios.ts';
import { unsentScenarios } from './unsent-scenarios.ts';

test('it has 72 rows, in order, each with at least one case', () => {
  expect(FAULTS.map(({ id }) => id)).toEqual(Array.from({ length: 72 }, (_, i) => i + 1));
  expect(FAULTS.filter(({ cases }) => cases.length === 0)).toEqual([]);
});

test('each case has one scenario, and each scenario a case', () => {
  const parts = [
    unsentScenarios(() => {
      throw new Error('no scenario is played here');
    }),
    UNANSWERED_SCENARIOS,
    STATUS_SCENARIOS,
    CONTENT_SCENARIOS,
    DISK_SCENARIOS,
    HOST_SCENARIOS,
    SHOWN_ELSEWHERE,
  ];
  const inOrder = (keys: string[]) => keys.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  const shown = inOrder(parts.flatMap((part) => Object.keys(part)));
  expect(shown).toEqual(inOrder(faultCases().map(({ key }) => key)));
});

test.each(Object.entries(SHOWN_ELSEWHERE))('case %s is shown by a test that exists', (_, shown) => {
  const text = readFileSync(shown.source ?? shown.file, 'utf8');
  expect(text.replaceAll(/\(\s+'/gu, "('")).toContain(`('${shown.test}'`);
});

test('docs/faults.md is what the catalogue says now (npm run faults-page)', () => {
  expect(readFileSync(PAGE, 'utf8')).toBe(faultsPage());
});
