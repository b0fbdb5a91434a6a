import { workflowSuite } from './suite/index.ts';

workflowSuite('time-skipping');
