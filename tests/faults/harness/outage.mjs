// The story of a store that cannot be written for a while: what must hold before, during and after the outage, whatever its cause.
//
// Two service instances. In `brief`, leases are short: users that send heartbeats must not go offline, and users that stop must go offline
// as soon as that can be stored. In `calm`, leases are long: only the scenario changes its users.
import { call } from '../../clients/node/presence.mjs';
import { step } from '../../clients/node/tap.mjs';
import { Crowd } from './crowd.mjs';
import { Editors } from './editors.mjs';
import { Follower } from './follower.mjs';
import { HealthWatch } from './health.mjs';
import { openConnection } from './http2.mjs';
import { Ledger } from './ledger.mjs';
import { expectRejection } from './rejection.mjs';
import { Beater, beat, endSession, names, newService, readEverybody } from './stage.mjs';
import { until } from './waiting.mjs';

const STEADY = names('steady', 20);
const STREAMED = names('streamed', 20);
const SLEEPING = names('sleeping', 5);
const LEAVING = names('leaving', 5);
const NEW = names('new', 5);
const EDITED = names('edited', 8);
const BRIEF_LEASES = { heartbeatInterval: { seconds: 2 }, sessionTimeout: { seconds: 4 } };

const NOTICED_WITHIN_MS = 10_000;
// The writer's longest pause, the wait for a lock, and a margin for a slow machine.
const CLEARED_WITHIN_MS = 8_000;
const LEASE_WITHIN_MS = 10_000;
const RECEIVED_WITHIN_MS = 5_000;
// One log entry for the beginning and one for the end, and twice that for a store that fails again.
const MOST_LOG_LINES = 4;

const SERVER = '';
const USERS = 'presence.v1.UserService';
const STORAGE = 'presence.storage';

// `server`: not started yet. `begin()` breaks the store, `clear()` repairs it; both may be asynchronous. `rejectedWithinMs`: how long a
// call that needs a commit may take once the server has noticed the outage.
export async function runOutage({ server, what, begin, clear, rejectedWithinMs = NOTICED_WITHIN_MS }) {
  const ledger = new Ledger();
  const crowd = new Crowd();
  const editors = new Editors(ledger);
  const brief = { follower: new Follower() };
  const calm = { follower: new Follower() };
  let client = await server.start();
  let health;
  let linesBefore;

  await step('users are online, edited and watched', async () => {
    brief.sid = await newService(client, BRIEF_LEASES);
    calm.sid = await newService(client);
    for (const { follower, sid } of [brief, calm]) follower.follow(client.users, sid);
    const session = await openConnection(server.address);
    health = new Map([SERVER, USERS, STORAGE].map((name) => [name, new HealthWatch(session, name)]));
    await Promise.all(EDITED.map((identity) => call(client.users, 'createUser', { serviceSid: calm.sid, identity })));
    await new Beater(client.users, calm.sid).beat(LEAVING);
    await crowd.begin(client.users, brief.sid, { steady: STEADY, streamed: STREAMED });
    editors.begin(client.users, calm.sid, EDITED);
    await until('edits are acknowledged', () => editors.acknowledged > EDITED.length, NOTICED_WITHIN_MS);
    await new Beater(client.users, brief.sid).beat(SLEEPING);
    expectNone(editors.complaints);
    expectStatuses('SERVING');
  });

  await step(`${what}: presence.storage is NOT_SERVING, the server and its services go on SERVING`, async () => {
    linesBefore = lines(server.log);
    await begin();
    await until('an edit is rejected', () => editors.rejected > 0, NOTICED_WITHIN_MS);
    await until('presence.storage is NOT_SERVING', () => health.get(STORAGE).status === 'NOT_SERVING', NOTICED_WITHIN_MS);
    expectStatuses('NOT_SERVING');
  });

  await step(`${what}: calls that need a commit fail with STORAGE_UNAVAILABLE and RetryInfo`, async () => {
    const since = performance.now();
    await Promise.all([
      ...NEW.map((identity) => expectRejection(`the first heartbeat of ${identity}`, beat(client.users, calm.sid, identity))),
      ...LEAVING.map((identity) => expectRejection(`the end of the session of ${identity}`, endSession(client.users, calm.sid, identity))),
      expectRejection('a new user', call(client.users, 'createUser', { serviceSid: calm.sid, identity: 'nobody' })),
    ]);
    const tookMs = Math.round(performance.now() - since);
    if (tookMs > rejectedWithinMs) throw new Error(`that took ${tookMs} ms`);
    expectNone(editors.complaints);
  });

  await step(`${what}: users stored as online get answers, and stay online beyond the lease; sessions are tracked`, async () => {
    for (const identity of SLEEPING) {
      await until(`the lease of ${identity} runs out`, async () => await liveSessions(brief, identity) === 0, LEASE_WITHIN_MS);
    }
    for (const identity of LEAVING) expectCount(`sessions of ${identity}`, await liveSessions(calm, identity), 0);
    for (const identity of NEW) expectCount(`sessions of ${identity}`, await liveSessions(calm, identity), 1);
    expectNone(crowd.rejections);
    expectNone([...brief.follower.seenOffline].map((identity) => `${identity} went offline`));
    expectStatuses('NOT_SERVING');
  });

  await step('cleared: presence.storage is SERVING again by itself, and what is stored is what is tracked', async () => {
    await clear();
    await until('presence.storage is SERVING', () => health.get(STORAGE).status === 'SERVING', CLEARED_WITHIN_MS);
    await until('what is stored is what is tracked', async () => (await untruths()).length === 0, CLEARED_WITHIN_MS)
      .catch(async (late) => expectNone([late.message, ...await untruths()]));
    const before = editors.acknowledged;
    await until('edits are acknowledged again', () => editors.acknowledged > before + EDITED.length, CLEARED_WITHIN_MS);
    expectStatuses('SERVING');
  });

  await step('nothing acknowledged is lost, no user went falsely offline, and every watch has caught up', async () => {
    await Promise.all([crowd.end(), editors.end()]);
    await expectAll(async ({ follower, found }) => {
      const hasCaughtUp = () => follower.differences(found).length === 0;
      await until('the watch has caught up', hasCaughtUp, RECEIVED_WITHIN_MS).catch(() => follower.compare(found));
    });
    expectNone([...crowd.rejections, ...editors.complaints]);
    const flapped = [...brief.follower.seenOffline].filter((identity) => !SLEEPING.includes(identity));
    expectNone(flapped.map((identity) => `${identity} went offline`));
  });

  await step('the log is not flooded', () => {
    const written = lines(server.log) - linesBefore;
    if (written > MOST_LOG_LINES) throw new Error(`${written} lines were written:\n${server.said}`);
  });

  await step('kill -9 and a start later the same is true, and the watches resume', async () => {
    await server.kill();
    await Promise.all([brief.follower.lost(), calm.follower.lost()]);
    client = await server.start();
    await expectAll(async ({ follower, sid, found }) => {
      await follower.catchUp(client.users, sid);
      follower.compare(found);
    });
    const reset = [brief, calm].filter(({ follower }) => follower.resets.length !== 1);
    expectNone(reset.map(({ follower }) => `resets of a watch: ${follower.resets}`));
    await server.kill();
  });

  // Compares the data of both service instances with each follower and the ledger.
  async function expectAll(look) {
    for (const tenant of [brief, calm]) {
      tenant.found = await readEverybody(client.users, tenant.sid);
      await look(tenant);
      expectNone(tenant.follower.lies);
    }
    expectNone([...await untruths(), ...ledger.lies(calm.found)]);
  }

  // Users whose stored state differs from the expected one.
  async function untruths() {
    const found = new Map([...await readEverybody(client.users, brief.sid), ...await readEverybody(client.users, calm.sid)]);
    const online = [...STEADY, ...STREAMED, ...NEW].filter((identity) => found.get(identity)?.isOnline !== true);
    const offline = [...SLEEPING, ...LEAVING].filter((identity) => found.get(identity)?.isOnline !== false);
    return [...online.map((identity) => `${identity} is not online`), ...offline.map((identity) => `${identity} is not offline`)];
  }

  async function liveSessions({ sid }, identity) {
    return (await call(client.users, 'listSessions', { serviceSid: sid, userKey: identity })).sessions.length;
  }

  function expectStatuses(ofStorage) {
    for (const [name, expected] of [[SERVER, 'SERVING'], [USERS, 'SERVING'], [STORAGE, ofStorage]]) {
      const { status, statuses } = health.get(name);
      if (status !== expected) throw new Error(`'${name}' is ${status}, not ${expected}; it was ${statuses}`);
      if (name !== STORAGE && statuses.length !== 1) throw new Error(`'${name}' was ${statuses}`);
    }
  }
}

const lines = (text) => text.split('\n').length;

function expectNone(complaints) {
  if (complaints.length > 0) throw new Error([...new Set(complaints)].slice(0, 20).join('\n'));
}

function expectCount(what, found, expected) {
  if (found !== expected) throw new Error(`${what}: ${found}, not ${expected}`);
}
