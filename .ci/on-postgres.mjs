// Runs a command beside a PostgreSQL server of its own, with an empty database, and ends with its exit code:
//   node .ci/on-postgres.mjs COMMAND [ARGUMENT...]
// The command finds the connection string in STORY_CONNECTION. PostgreSQL's own tools need no options: psql, pg_dump and pg_restore.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Postgres } from '../tests/faults/harness/postgres.mjs';

const scratch = mkdtempSync(join(tmpdir(), 'story-'));
const postgres = await Postgres.create(scratch);
process.on('exit', () => rmSync(scratch, { recursive: true })); // after PostgreSQL, which has ended by then

const [command, ...settings] = process.argv.slice(2);
const { programs, env } = postgres.tools;
const child = spawn(command, settings, {
  stdio: 'inherit',
  env: { ...process.env, ...env, PATH: `${programs}${delimiter}${process.env.PATH}`, STORY_CONNECTION: postgres.connection },
});
// A time limit ends the command, and then this program.
process.on('SIGTERM', () => child.kill());
const [code] = await once(child, 'exit');
process.exit(code ?? 1);
