import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { bundle } from '../support/bundle.js';

const read = (path: string) => readFileSync(new URL(path, import.meta.url), 'utf8');

it('Small: a bundle for browsers has at most 40 KB with all dependencies, compressed', async () => {
  const script = await bundle("export { Client } from '@grpc-presence/client';", true);
  const { length } = gzipSync(script, { level: 9 });
  console.log(`${length} bytes`);
  expect(length).toBeLessThanOrEqual(40_000);
});

it('has the version of the server', () => {
  const { version } = JSON.parse(read('../../package.json')) as { version: string };
  expect(/<VersionPrefix>(.*)</.exec(read('../../../../Directory.Build.props'))?.[1]).toBe(version);
});
