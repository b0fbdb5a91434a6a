/** Part A of the fault catalogue. */
import { playScenarios } from './scenario.ts';
import { tlsWorld } from './tls-world.ts';
import { unsentScenarios } from './unsent-scenarios.ts';

const world = tlsWorld();

playScenarios(unsentScenarios(() => world));
