// Steps the wall clock under the running server, an hour forward and then two back. Leases use another clock: no user flaps, and data with
// a lifetime is kept for that lifetime. Only the times that people see follow the wall clock.
//   bash tests/faults/run.sh clock
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { call, detailsOf } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { Clock } from './harness/clock.mjs';
import { FleetWatch, openFleet } from './harness/fleet.mjs';
import { Heart } from './harness/heart.mjs';
import { Server, scratch } from './harness/server.mjs';
import { briefLeases, names, newService } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

const HOUR = 3_600;
const TIMEOUT_SECONDS = briefLeases.sessionTimeout.seconds;
const PATIENCE_MS = 20_000;
// How much the clocks of a loaded machine may differ while an answer is on its way.
const SLACK_SECONDS = 5;

const clock = new Clock(join(scratch, 'clock'));
const server = new Server({ env: clock.env });

const client = await server.start();
const serviceSid = await newService(client, briefLeases);
const slow = await newService(client);
const request = { serviceSid };
const beating = names('beating', 50);
const hearts = [];
let watch;

const secondsOf = ({ seconds, nanos }) => Number(seconds) + nanos / 1e9;

async function open(from) {
  const { fleet: [opened] } = await openFleet(server.address, {
    connections: 1, watches: 1, make: (session) => new FleetWatch(session, request, { from }),
  });
  return opened;
}

// The session of a user that sends heartbeats, by the server's wall clock minus its expected offset.
async function sessionOf(userKey, offset) {
  const { sessions: [session] } = await call(client.users, 'listSessions', { serviceSid, userKey });
  return { beat: secondsOf(session.lastHeartbeatTime) - offset, expires: secondsOf(session.leaseExpireTime) - offset };
}

async function holdsAfterStep(offset) {
  const before = watch.updates;
  const ended = { serviceSid: slow, userKey: 'ada', sessionId: `ended-before-${offset}` };
  await call(client.users, 'heartbeat', ended);
  await call(client.users, 'endSession', ended);

  clock.set(offset);
  const isStepped = async () => Math.abs((await sessionOf(beating[0], offset)).beat - Date.now() / 1_000) < SLACK_SECONDS;
  await until('the server has the other time', isStepped, PATIENCE_MS);
  // A full timeout, and a tick or two.
  await pause((TIMEOUT_SECONDS + 0.5) * 1_000);
  if (watch.updates > before) {
    const offline = [...watch.users.values()].filter((user) => !user.isOnline)[0];
    throw new Error(`the watch received ${watch.updates - before} updates: ${JSON.stringify(offline)}`);
  }
  const fault = hearts.find((heart) => heart.fault)?.fault;
  if (fault) throw new Error('a heartbeat failed', { cause: fault });

  const { beat, expires } = await sessionOf(beating[0], offset);
  if (Math.abs(expires - beat - TIMEOUT_SECONDS) > 0.01) throw new Error(`a lease of ${TIMEOUT_SECONDS} s goes from ${beat} to ${expires}`);
  const late = await call(client.users, 'heartbeat', ended).then(() => undefined, (error) => detailsOf(error).ErrorInfo?.reason);
  if (late !== 'SESSION_ENDED') throw new Error(`the end of a session was forgotten: ${late}`);
}

await step('users beat, and a watch sees them', async () => {
  for (const identity of beating) hearts.push(Heart.streamed(client.users, serviceSid, identity));
  watch = await open();
  await until('all are online', () => beating.every((identity) => watch.users.get(identity)?.isOnline), PATIENCE_MS);
});

await step('an hour forward: no user flaps, and sessions and their history continue', () => holdsAfterStep(HOUR));

await step('two hours back: the same', () => holdsAfterStep(-HOUR));

await step('after the step back a change takes the next revision, and a token resumes', async () => {
  const known = watch.users.get(beating[0]);
  watch.stream.cancel();
  const { user } = await call(
    client.users,
    'updateUser',
    { user: { serviceSid, identity: beating[0], friendlyName: 'in the past' }, updateMask: { paths: ['friendly_name'] } });
  if (BigInt(user.revision) <= BigInt(known.revision)) throw new Error(`the revision went from ${known.revision} to ${user.revision}`);
  watch = await open(watch);
  if (watch.resets > 0) throw new Error('the watch was reset');
  if (watch.users.get(beating[0]).friendlyName !== 'in the past') throw new Error('the watch missed the change');
});

await step('a user that stops sending heartbeats goes offline after the lease, at the current server time', async () => {
  hearts[0].stop();
  const stoppedAt = Date.now();
  await until('the user is offline', () => watch.users.get(beating[0]).isOnline === false, PATIENCE_MS);
  const at = secondsOf(watch.users.get(beating[0]).lastOnlineTime) + HOUR;
  if (Math.abs(at - stoppedAt / 1_000) > TIMEOUT_SECONDS + SLACK_SECONDS) {
    throw new Error(`last_online_time is ${at - stoppedAt / 1_000} s from the last heartbeat`);
  }
});

await server.kill();
theEnd();
process.exit(0);
