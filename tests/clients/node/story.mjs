// node story.mjs [host:port]
//
// The story of two users: presence is switched on, watched, missed and caught up with. It needs a running server, and leaves nothing
// behind.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import { Reader, Watch, call, connect, detailsOf, rejected } from './presence.mjs';
import { step, theEnd } from './tap.mjs';

const { configuration, users } = connect(process.argv[2] ?? process.env.PRESENCE_ADDRESS ?? '127.0.0.1:5080');
const phone = randomUUID();
const laptop = randomUUID();
const tablet = randomUUID();
let serviceSid;
let watch;

const reachability = ({ isOnline, isNotifiable, lastOnlineTime }) =>
  [isOnline ?? null, isNotifiable ?? null, lastOnlineTime ?? null];

await step('creates a service instance', async () => {
  const { serviceInstance } = await call(configuration, 'createServiceInstance', { friendlyName: 'Node story' });
  serviceSid = serviceInstance.sid;
  assert.match(serviceSid, /^IS[0-9a-f]{32}$/);
});

await step('reads nulls while reachability is off, even of a user whose session lives', async () => {
  await call(users, 'createUser', { serviceSid, identity: 'ada' });
  const reply = await call(users, 'heartbeat', { serviceSid, userKey: 'ada', sessionId: laptop });
  assert.equal(reply.reachabilityEnabled, false);
  const { user } = await call(users, 'getUser', { serviceSid, userKey: 'ada' });
  assert.deepEqual(reachability(user), [null, null, null]);
  await call(users, 'endSession', { serviceSid, userKey: 'ada', sessionId: laptop });
});

await step('switches reachability on', async () => {
  await call(configuration, 'updateConfiguration', {
    configuration: { serviceSid, reachabilityEnabled: true, offlineDebounce: { seconds: 1 } },
    updateMask: { paths: ['reachability_enabled', 'offline_debounce'] },
  });
  const { configuration: now } = await call(configuration, 'getConfiguration', { serviceSid });
  assert.equal(now.reachabilityEnabled, true);
  assert.deepEqual(now.offlineDebounce, { seconds: '1', nanos: 0 });
});

await step('reads nulls for a user that was never online', async () => {
  const { user } = await call(users, 'getUser', { serviceSid, userKey: 'ada' });
  assert.deepEqual(reachability(user), [null, null, null]);
});

await step('watches: configuration, reset, all users without reasons, synced', async () => {
  watch = new Watch(users, { serviceSid });
  const settings = await watch.expect('configuration', 'configuration');
  assert.equal(settings.reachabilityEnabled, true);
  assert.deepEqual(await watch.expect('reset', 'reset'), { reason: 'RESET_REASON_INITIAL' });
  const snapshot = await watch.untilSynced();
  assert.deepEqual([...snapshot.keys()], ['ada']);
  assert.deepEqual(snapshot.get('ada').updateReasons, []);
  assert.notEqual(watch.resumeToken, '');
});

await step('beats, and the watch sees REACHABILITY_ONLINE', async () => {
  const reply = await call(users, 'heartbeat', { serviceSid, userKey: 'ada', sessionId: phone });
  assert.equal(reply.reachabilityEnabled, true);
  assert.equal(reply.heartbeatInterval.seconds, '30');
  const { user, updateReasons } = await watch.change('ada');
  assert.deepEqual(updateReasons, ['UPDATE_REASON_REACHABILITY_ONLINE']);
  assert.equal(user.isOnline, true);
});

await step('reads a null is_notifiable for a user that never had a push binding', async () => {
  const { user } = await call(users, 'getUser', { serviceSid, userKey: 'ada' });
  assert.deepEqual(reachability(user), [true, null, null]);
});

await step('reads nulls from a list that asks for no view, and values from one that does', async () => {
  const plain = await call(users, 'listUsers', { serviceSid });
  assert.deepEqual(plain.users.map((user) => [user.identity, ...reachability(user)]), [['ada', null, null, null]]);
  const viewed = await call(users, 'listUsers', { serviceSid, view: 'USER_VIEW_REACHABILITY', online: true });
  assert.deepEqual(viewed.users.map((user) => [user.identity, ...reachability(user)]), [['ada', true, null, null]]);
});

await step('sets a push binding, and the watch sees REACHABILITY_NOTIFIABLE', async () => {
  await call(users, 'setPushBinding',
    { serviceSid, userKey: 'ada', bindingType: 'BINDING_TYPE_FCM', endpoint: 'the-device-token-of-ada' });
  const { user, updateReasons } = await watch.change('ada');
  assert.deepEqual(updateReasons, ['UPDATE_REASON_REACHABILITY_NOTIFIABLE']);
  assert.deepEqual(reachability(user), [true, true, null]);
});

await step('ends the session, and the watch sees the user offline', async () => {
  await call(users, 'endSession', { serviceSid, userKey: 'ada', sessionId: phone });
  const { user, updateReasons } = await watch.change('ada');
  assert.deepEqual(updateReasons, ['UPDATE_REASON_REACHABILITY_ONLINE']);
  assert.equal(user.isOnline, false);
  assert.equal(user.isNotifiable, true);
  assert.ok(user.lastOnlineTime, 'last_online_time is unset');
});

await step('gets an error for a late heartbeat of an ended session, which changes nothing', async () => {
  const error = await rejected(users, 'heartbeat', { serviceSid, userKey: 'ada', sessionId: phone });
  assert.equal(error.code, grpc.status.FAILED_PRECONDITION);
  assert.equal(error.reason, 'SESSION_ENDED');
});

await step('resumes a watch, and sees what it missed with the reasons', async () => {
  watch.cancel();
  await call(users, 'updateUser',
    { user: { serviceSid, identity: 'ada', friendlyName: 'Ada' }, updateMask: { paths: ['friendly_name'] } });
  await call(users, 'heartbeat', { serviceSid, userKey: 'grace', sessionId: phone });

  watch = new Watch(users, { serviceSid, resumeToken: watch.resumeToken });
  await watch.expect('configuration', 'configuration');
  const missed = await watch.untilSynced();
  assert.deepEqual([...missed.keys()].sort(), ['ada', 'grace']);
  assert.deepEqual(missed.get('ada').updateReasons, ['UPDATE_REASON_FRIENDLY_NAME']);
  assert.deepEqual(new Set(missed.get('grace').updateReasons),
    new Set(['UPDATE_REASON_CREATED', 'UPDATE_REASON_REACHABILITY_ONLINE']));
  assert.equal(missed.get('grace').user.isOnline, true);
});

await step('beats for many users over one stream, which ends their sessions when it closes', async () => {
  const stream = users.streamHeartbeats();
  const replies = new Reader(stream);
  stream.write({ start: { serviceSid, endSessionsOnClose: true } });
  assert.equal((await replies.next('reply to start')).accepted, 0);

  stream.write({ beats: { beats: [{ userKey: 'ada', sessionId: tablet }, { userKey: 'ada', sessionId: phone }] } });
  const reply = await replies.next('reply to beats');
  assert.equal(reply.accepted, 1);
  assert.deepEqual(reply.rejected, [{ index: 1, reason: 'ERROR_REASON_SESSION_ENDED' }]);
  assert.equal((await watch.change('ada')).user.isOnline, true);

  stream.end();
  assert.equal((await watch.change('ada')).user.isOnline, false);
});

await step('gets documented errors with their ErrorInfo', async () => {
  const unknown = await rejected(users, 'getUser', { serviceSid, userKey: 'nobody' });
  assert.equal(unknown.code, grpc.status.NOT_FOUND);
  assert.equal(unknown.reason, 'USER_NOT_FOUND');
  assert.deepEqual(unknown.metadata, { user_key: 'nobody' });

  const malformed = await rejected(users, 'heartbeat', { serviceSid, userKey: '', sessionId: 'not a session id' });
  assert.equal(malformed.code, grpc.status.INVALID_ARGUMENT);
  assert.equal(malformed.reason, 'FIELD_REQUIRED');
  assert.deepEqual(malformed.violations.map(({ field, reason }) => [field, reason]),
    [['user_key', 'FIELD_REQUIRED'], ['session_id', 'FIELD_INVALID']]);
});

await step('deletes the service instance, and the watch ends with the reason', async () => {
  await call(configuration, 'deleteServiceInstance', { serviceSid });
  const end = await watch.end();
  assert.equal(end.code, grpc.status.NOT_FOUND);
  assert.equal(detailsOf(end).ErrorInfo.reason, 'SERVICE_INSTANCE_NOT_FOUND');
});

theEnd();
users.close();
configuration.close();
