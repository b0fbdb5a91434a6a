import { defineConfig } from 'vitest/config';

/** `npm run soak`: what takes too long for every run; the suite has a short form of each. */
export default defineConfig({ test: { include: ['test/soak/*.soak.ts'], pool: 'forks' } });
