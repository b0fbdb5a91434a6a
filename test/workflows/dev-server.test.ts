import { workflowSuite } from './suite/index.ts';

workflowSuite('dev server');
