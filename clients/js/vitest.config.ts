import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Servers and browsers would slow each other down, so their files run one after another.
const alone = { fileParallelism: false, testTimeout: 60_000, hookTimeout: 60_000 };

export default defineConfig({
  resolve: { alias: { '#transport': fileURLToPath(new URL('src/transport/node.ts', import.meta.url)) } },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/*.test.ts'] } },
      { extends: true, test: { name: 'server', include: ['test/server/*.test.ts'], ...alone } },
      { extends: true, test: { name: 'browser', include: ['test/browser/*.test.ts'], ...alone } },
    ],
  },
});
