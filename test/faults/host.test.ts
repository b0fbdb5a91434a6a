/** Part F of the fault catalogue. */
import { HOST_SCENARIOS } from './host-scenarios.ts';
import { KILL_LIMIT_MS } from './killed-worker.ts';
import { playScenarios } from './scenario.ts';

playScenarios(HOST_SCENARIOS, KILL_LIMIT_MS);
