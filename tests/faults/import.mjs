// A server moves from its SQLite file to PostgreSQL while clients hold resume tokens, sessions and ended sessions. They must notice nothing
// but a reconnect. An import that is killed leaves an empty database, and can be repeated.
//   bash tests/faults/run.sh import [USERS]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { call, rejected } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { Follower } from './harness/follower.mjs';
import { Postgres } from './harness/postgres.mjs';
import { runProgram, runWell } from './harness/program.mjs';
import { Server, program, scratch } from './harness/server.mjs';
import { Beater, endSession, names, newService, readEverybody, rename } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

const REJECTED = 3;
const IMPORTED_WITHIN_MS = 120_000;
const ENDED = 'ended';
const LEASE = { heartbeatInterval: { seconds: 60 }, sessionTimeout: { seconds: 120 } };

const [count = '100000'] = process.argv.slice(2);
const users = names('user', Number(count));
const before = new Server({ on: null });
const target = await Postgres.create(scratch);
const after = new Server({ on: target });
const import_ = ['import', before.database, ...after.store];
const followers = [new Follower(), new Follower()];
let client = await before.start();
let serviceSid;
let found;

await step(`${users.length} users are online, some change, one session is ended, and two clients hold tokens`, async () => {
  serviceSid = await newService(client, LEASE);
  const beater = new Beater(client.users, serviceSid);
  await beater.beat([...users, ENDED]);
  await endSession(client.users, serviceSid, ENDED);
  for (const follower of followers) await follower.catchUp(client.users, serviceSid);
  // What only the second client has seen.
  await rename(client.users, serviceSid, users[0], 'renamed');
  await call(client.users, 'deleteUser', { serviceSid, userKey: users[1] });
  await followers[1].catchUp(client.users, serviceSid);
  found = await readEverybody(client.users, serviceSid);
});

await step('an import of a database in use is rejected in one line', async () => {
  const { code, output } = await runProgram(import_);
  if (code !== REJECTED || output.includes('\n') || !output.includes(before.database)) throw new Error(`exit code ${code}: ${output}`);
});

await step('an import that is killed leaves an empty database', async () => {
  const exitCode = await before.stop();
  if (exitCode !== 0) throw new Error(`the server stopped with ${exitCode}`);
  const child = spawn('dotnet', [program, ...import_], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  const copying = `SELECT count(*) FROM pg_stat_activity WHERE application_name = 'presence-import' AND query LIKE 'COPY%'`;
  await until('the import copies', () => child.exitCode !== null || target.query(copying) !== '0', IMPORTED_WITHIN_MS);
  child.kill('SIGKILL');
  await ended;
  if (child.exitCode !== null) throw new Error(`the import ended with ${child.exitCode} before it was killed`);
  await until('its session has ended', () => target.query(copying) === '0', IMPORTED_WITHIN_MS);
  const rows = target.query('SELECT (SELECT count(*) FROM services) + (SELECT count(*) FROM users) + (SELECT count(*) FROM presence)');
  if (rows !== '0') throw new Error(`${rows} rows are left`);
});

await step('the database is imported', async () => {
  const began = performance.now();
  await runWell(import_);
  const took = Math.round(performance.now() - began);
  const bytes = target.query("SELECT pg_total_relation_size('users') + pg_total_relation_size('presence')");
  console.log(`# ${users.length} users within ${took} ms, ${Math.round(bytes / users.length)} bytes a user`);
});

await step('a second import is rejected in one line', async () => {
  const { code, output } = await runProgram(import_);
  if (code !== REJECTED || output.includes('\n') || !output.includes('empty database')) {
    throw new Error(`exit code ${code}: ${output}`);
  }
});

await step('after the move every client resumes, and every user is what it was', async () => {
  client = await after.start();
  const now = await readEverybody(client.users, serviceSid);
  const changed = [...found].filter(([identity, user]) => JSON.stringify(now.get(identity)) !== JSON.stringify(user));
  if (changed.length > 0 || now.size !== found.size) {
    throw new Error(`${changed.length} users changed, of ${found.size} are ${now.size}: ${JSON.stringify(changed[0])}`);
  }
  for (const follower of followers) {
    await follower.catchUp(client.users, serviceSid);
    expectTrue(follower, now);
  }
});

await step('sessions go on, and the ended one stays ended', async () => {
  const rejection = await rejected(client.users, 'heartbeat', { serviceSid, userKey: ENDED, sessionId: `session-of-${ENDED}` });
  if (rejection.reason !== 'SESSION_ENDED') throw new Error(`the heartbeat failed with ${rejection.reason}`);
  await new Beater(client.users, serviceSid).beat(users.slice(2, 1_002));
  await rename(client.users, serviceSid, users[2], 'after');
  const [follower] = followers;
  await follower.catchUp(client.users, serviceSid);
  expectTrue(follower, await readEverybody(client.users, serviceSid));
});

// The client resumed without a reset, and knows what a read shows, and that the deleted user is deleted.
function expectTrue(follower, read) {
  const isDeletion = (difference) => difference.startsWith(`${users[1]} is /undefined@`);
  const differences = follower.differences(read);
  if (follower.resets.length !== 1) throw new Error(`resets of a watch: ${follower.resets}`);
  if (differences.filter(isDeletion).length !== 1) throw new Error(`the watch does not know that ${users[1]} was deleted`);
  const lies = [...differences.filter((difference) => !isDeletion(difference)), ...follower.lies];
  if (lies.length > 0) throw new Error(lies.slice(0, 10).join('\n'));
}

const code = await after.stop();
await step('the server stops with exit code 0', () => {
  if (code !== 0) throw new Error(`the exit code is ${code}`);
});
theEnd();
process.exit(0);
