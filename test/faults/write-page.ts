import { writeFileSync } from 'node:fs';
import { faultsPage, PAGE } from './page.ts';

writeFileSync(PAGE, faultsPage());
