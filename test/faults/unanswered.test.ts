/** Part B of the fault catalogue. */
import { playScenarios } from './scenario.ts';
import { UNANSWERED_SCENARIOS } from './unanswered-scenarios.ts';

playScenarios(UNANSWERED_SCENARIOS);
