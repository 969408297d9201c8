// The model that judges the scenarios with a cluster must notice what it is there for. Each mistake is planted behind its back, and must be
// reported as a violation of the promise that it breaks.
//   bash tests/faults/run.sh cluster-checker
import { call } from '../clients/node/presence.mjs';
import { step, theEnd } from '../clients/node/tap.mjs';
import { promote } from './harness/cluster/faults.mjs';
import { openStage } from './harness/cluster/stage.mjs';
import { readEverybody, rename } from './harness/stage.mjs';
import { until } from './harness/waiting.mjs';

const NOTICED_WITHIN_MS = 40_000;
const LOST_MS = 3_000;

const stage = await openStage({ nodes: 1, sessions: 40 });
const { cluster, load } = stage;
const { model, serviceSid } = load;
const { users } = cluster.node(1).client;
const [watcher] = model.watchers;
const planted = [];

await step('a session that is ended behind the back of its client: NoFalseOffline', async () => {
  await call(users, 'endSession', { serviceSid, userKey: 'streamed-0', sessionId: 'gateway' });
  await expectViolation('NoFalseOffline', 'streamed-0');
  await expectViolation('AnsweredCounts', 'streamed-0'); // its next heartbeat gets SESSION_ENDED
  model.sessions.get('streamed-0').stop();
  model.violations = [];
});

await step('a user that goes offline before its lease ends: Leases', async () => {
  model.sessions.get('streamed-1').stop();
  await call(users, 'endSession', { serviceSid, userKey: 'streamed-1', sessionId: 'gateway' });
  await expectViolation('Leases', 'streamed-1');
});

await step('a user that stays online without its client: Leases', async () => {
  const session = model.sessions.get('streamed-2');
  session.isStopped = true; // its client goes on all the same
  const request = { serviceSid, userKey: 'streamed-2', sessionId: 'forgotten' };
  const timer = setInterval(() => call(users, 'heartbeat', request).catch(() => {}), 1_000);
  await expectViolation('Leases', 'streamed-2');
  clearInterval(timer);
});

await step('a watcher that drops an update: Durable', async () => {
  const { pending } = watcher;
  await call(users, 'createUser', { serviceSid, identity: 'dropped' });
  await until('the user is there', () => watcher.users.has('dropped'), NOTICED_WITHIN_MS);
  const set = pending.delete.bind(pending);
  pending.delete = (identity) => identity !== 'dropped' && set(identity);
  const { user } = await rename(users, serviceSid, 'dropped', 'never seen');
  pending.set('dropped', { revision: BigInt(user.revision), at: performance.now() });
  await expectViolation('Durable', 'dropped');
  delete pending.delete;
});

await step('a revision that is given to two states, and a user that goes back: OneTimeline', async () => {
  const found = watcher.users.get('streamed-3');
  model.seen(watcher, { ...found, friendlyName: 'another' });
  await expectViolation('OneTimeline', 'streamed-3');
});

await step('a write that is stored although it was rejected as not done: Final', async () => {
  model.failed('streamed-4', 'rejected', false);
  await rename(users, serviceSid, 'streamed-4', 'rejected');
  await expectViolation('Final', 'streamed-4');
});

await step('an acknowledged write that is overwritten behind the back of its writer', async () => {
  const { user } = await rename(users, serviceSid, 'streamed-5', 'acknowledged');
  model.acknowledged(user);
  await rename(users, serviceSid, 'streamed-5', 'overwritten');
  const found = new Map([['streamed-5', { ...user, revision: `${BigInt(user.revision) + 1n}`, friendlyName: 'overwritten' }]]);
  const differences = model.differences(found, 'node 1');
  if (!differences.some((difference) => difference.startsWith('streamed-5'))) throw new Error('nothing was noticed');
});

await step('acknowledged commits that are lost: Resumable, and Durable in the end', async () => {
  load.lossBegins = () => {}; // the model does not learn of it
  await promote(stage, 'standby', LOST_MS);
  const isReset = (violation) => violation.includes('Resumable: ') && violation.includes('TIMELINE_CHANGED');
  await until('Resumable is violated', () => model.violations.some(isReset), NOTICED_WITHIN_MS);
  await load.stopWriting();
  const found = await until('the node can be read', () => readEverybody(users, serviceSid).catch(() => undefined), NOTICED_WITHIN_MS);
  const differences = model.differences(found, 'node 1');
  if (!differences.some((difference) => / is missing |acknowledged was/.test(difference))) throw new Error('the end looks well');
});

load.stop();
theEnd();
process.exit(0);

// The model must report this, and may report nothing of users for which no mistake was planted.
async function expectViolation(promise, identity) {
  planted.push(identity);
  const isIt = (violation) => violation.includes(` ${promise}: `) && violation.includes(`${identity} `);
  await until(`${promise} is violated`, () => model.violations.some(isIt), NOTICED_WITHIN_MS);
  const others = model.violations.filter((violation) => !planted.some((known) => violation.includes(`${known} `)));
  if (others.length > 0) throw new Error(`more is violated: ${others.join('\n')}`);
  if (promise !== 'NoFalseOffline') model.violations = [];
}
