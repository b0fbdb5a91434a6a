/** Part E of the fault catalogue. */
import { beforeEach } from 'vitest';
import { canMount, SMALL_DISK_NEEDS } from '../support/small-disk.ts';
import { DISK_SCENARIOS } from './disk-scenarios.ts';
import { playScenarios } from './scenario.ts';

const NEEDS_A_DISK = new Set(['#60a', '#61', '#62', '#63']);

beforeEach(({ skip, task }) => skip(!canMount() && NEEDS_A_DISK.has(task.name), SMALL_DISK_NEEDS));

playScenarios(DISK_SCENARIOS);
