import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Servers, browsers and a network that is cut take their time.
const slow = { testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  resolve: { alias: { '#transport': fileURLToPath(new URL('src/transport/node.ts', import.meta.url)) } },
  test: {
    maxWorkers: 2, // the longest test mostly waits, and others run meanwhile
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/*.test.ts'] } },
      { extends: true, test: { name: 'server', include: ['test/server/*.test.ts'], ...slow } },
      { extends: true, test: { name: 'browser', include: ['test/browser/*.test.ts'], ...slow } },
    ],
  },
});
