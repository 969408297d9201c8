// Backups of either store, with the tools that the documentation names: the server's own commands, or those of PostgreSQL.
import { join } from 'node:path';
import { runWell } from './program.mjs';
import { postgres, scratch } from './server.mjs';

// Makes a backup while the server runs. Returns its file.
export async function backUp(server, name) {
  if (postgres) return postgres.backup(name);
  const file = join(scratch, name);
  await runWell(['backup', file, ...server.store]);
  return file;
}

// Replaces the data by a backup while no server runs.
export async function restore(server, file) {
  if (postgres) postgres.restore(file);
  else await runWell(['restore', file, ...server.store]);
}
