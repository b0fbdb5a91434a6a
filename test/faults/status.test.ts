/** Part C of the fault catalogue. */
import { playScenarios } from './scenario.ts';
import { STATUS_SCENARIOS } from './status-scenarios.ts';

playScenarios(STATUS_SCENARIOS);
