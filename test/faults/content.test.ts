/** Part D of the fault catalogue. */
import { CONTENT_SCENARIOS } from './content-scenarios.ts';
import { playScenarios } from './scenario.ts';

playScenarios(CONTENT_SCENARIOS);
