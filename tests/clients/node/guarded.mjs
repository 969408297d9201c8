// PRESENCE_CA=FILE PRESENCE_KEY=SID:SECRET node guarded.mjs [host:port]
//
// The story of authorization: an administrator, a back end, an end user and strangers, each with their own credentials or none. It needs a
// server with TLS. The file contains the authority of its certificate, and the key belongs to an administrator of the whole deployment. The
// story leaves only revoked API keys behind.
import assert from 'node:assert/strict';
import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import grpc from '@grpc/grpc-js';
import { Watch, call, connect, detailsOf, rejected } from './presence.mjs';
import { step, theEnd } from './tap.mjs';

const address = process.argv[2] ?? process.env.PRESENCE_ADDRESS ?? '127.0.0.1:5080';
const { PRESENCE_CA: authorityFile, PRESENCE_KEY: administratorKey } = process.env;
assert.ok(authorityFile && administratorKey, 'PRESENCE_CA and PRESENCE_KEY must be set');
const authorities = readFileSync(authorityFile);
const ada = 'ada@example.com';
const grace = 'grace@example.com';

// A watch ends within a second of the revocation. A busy machine may report it later.
const SOON_MS = 2_000;

const HOUR_S = 3_600;

// A back end's credentials for HTTP Basic.
const basic = (key) => `Basic ${Buffer.from(key).toString('base64')}`;
const sidOf = (key) => key.slice(0, key.indexOf(':'));
const secretOf = (key) => key.slice(key.indexOf(':') + 1);

const clients = [];

// Creates a client with these credentials.
function as(authorization) {
  const client = connect(address, { authorities, authorization });
  clients.push(client);
  return client;
}

const administrator = as(basic(administratorKey));
let serviceSid;
let otherSid;
let key;
let backEnd;
let user;
let watch;

// Creates an API key for the story's service instance, and returns it as SID:SECRET.
async function makeKey(role) {
  const { apiKey, secret } = await call(administrator.keys, 'createApiKey', { role, serviceSid, friendlyName: 'Node story' });
  return `${apiKey.sid}:${secret}`;
}

const base64url = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

// An access token for the end user, signed with the back end's key.
function mint(identity, seconds) {
  const now = Math.floor(Date.now() / 1_000);
  const iss = sidOf(key);
  const signed = [
    { alg: 'HS256', typ: 'JWT', cty: 'twilio-fpa;v=1' },
    {
      jti: `${iss}-${now}`, iss, sub: 'AC00000000000000000000000000000000', iat: now, exp: now + seconds,
      grants: { identity, chat: { service_sid: serviceSid } },
    },
  ].map(base64url).join('.');
  return `${signed}.${createHmac('sha256', secretOf(key)).update(signed).digest('base64url')}`;
}

const beat = (userKey) => ({ serviceSid, userKey, sessionId: randomUUID() });

await step('does not talk to a server whose authority it does not know', async () => {
  const stranger = connect(address, { authorities: null });
  clients.push(stranger);
  const error = await call(stranger.users, 'getUser', {}).then(assert.fail, (rejection) => rejection);
  assert.equal(error.code, grpc.status.UNAVAILABLE);
  assert.match(error.details, /certificate/);
});

await step('may call nothing without credentials', async () => {
  const { code, reason } = await rejected(as().users, 'getUser', {});
  assert.deepEqual([code, reason], [grpc.status.UNAUTHENTICATED, 'CREDENTIALS_REQUIRED']);
});

await step('is rejected with a wrong secret', async () => {
  const { code, reason } = await rejected(as(basic(`${sidOf(administratorKey)}:not-the-secret`)).users, 'getUser', {});
  assert.deepEqual([code, reason], [grpc.status.UNAUTHENTICATED, 'CREDENTIALS_INVALID']);
});

await step('makes two service instances and the key of a back end, as the administrator', async () => {
  const { configuration } = administrator;
  serviceSid = (await call(configuration, 'createServiceInstance', { friendlyName: 'Node story' })).serviceInstance.sid;
  otherSid = (await call(configuration, 'createServiceInstance', { friendlyName: 'Node story, another' })).serviceInstance.sid;
  await call(configuration, 'updateConfiguration',
    { configuration: { serviceSid, reachabilityEnabled: true }, updateMask: { paths: ['reachability_enabled'] } });
  key = await makeKey('API_KEY_ROLE_SERVICE');
  assert.match(key, /^SK[0-9a-f]{32}:.{64}$/);
});

await step('creates users, as the back end', async () => {
  backEnd = as(basic(key));
  await call(backEnd.users, 'createUser', { serviceSid, identity: ada });
  await call(backEnd.users, 'createUser', { serviceSid, identity: grace });
  const elsewhere = await rejected(backEnd.users, 'createUser', { serviceSid: otherSid, identity: ada });
  assert.deepEqual([elsewhere.code, elsewhere.reason], [grpc.status.NOT_FOUND, 'SERVICE_INSTANCE_NOT_FOUND']);
});

await step('beats and edits her friendly name, as the end user of an access token', async () => {
  user = as(`Bearer ${mint(ada, HOUR_S)}`);
  assert.equal((await call(user.users, 'heartbeat', beat(ada))).reachabilityEnabled, true);
  const { user: edited } = await call(user.users, 'updateUser',
    { user: { serviceSid, identity: ada, friendlyName: 'Countess of Lovelace' }, updateMask: { paths: ['friendly_name'] } });
  assert.equal(edited.friendlyName, 'Countess of Lovelace');
});

await step('may not beat for somebody else, nor change the configuration', async () => {
  const denied = [grpc.status.PERMISSION_DENIED, 'PERMISSION_DENIED'];
  const beating = await rejected(user.users, 'heartbeat', beat(grace));
  assert.deepEqual([beating.code, beating.reason], denied);
  const configuring = await rejected(user.configuration, 'updateConfiguration',
    { configuration: { serviceSid, reachabilityEnabled: false }, updateMask: { paths: ['reachability_enabled'] } });
  assert.deepEqual([configuring.code, configuring.reason], denied);
});

await step('gets the same answer about a service instance that exists and one that does not', async () => {
  // The answer to a request about another service instance, without the SID itself.
  const answerAbout = async (sid) => {
    const answer = await rejected(user.users, 'getUser', { serviceSid: sid, userKey: ada });
    return JSON.parse(JSON.stringify(answer).replaceAll(sid, 'it'));
  };
  const answer = await answerAbout(otherSid);
  assert.deepEqual([answer.code, answer.reason, answer.metadata],
    [grpc.status.NOT_FOUND, 'SERVICE_INSTANCE_NOT_FOUND', { service_sid: 'it' }]);
  assert.deepEqual(await answerAbout('IS00000000000000000000000000000bad'), answer);
});

await step('watches all users with a token that lives for seconds; the watch ends with the token, and has a resume token', async () => {
  watch = new Watch(as(`Bearer ${mint(ada, 3)}`).users, { serviceSid, view: 'USER_VIEW_REACHABILITY' });
  await watch.expect('configuration', 'configuration');
  await watch.expect('reset', 'reset');
  const everybody = await watch.untilSynced();
  assert.deepEqual([...everybody.values()].map((update) => [update.user.identity, update.user.isOnline ?? null]),
    [[ada, true], [grace, null]]);
  const end = await watch.end();
  const { ErrorInfo: info } = detailsOf(end);
  assert.deepEqual([end.code, info.reason], [grpc.status.UNAUTHENTICATED, 'ACCESS_TOKEN_EXPIRED']);
  assert.equal(info.metadata.resume_token, watch.resumeToken);
});

await step('resumes there with a new token, and sees what it missed without a reset', async () => {
  await call(backEnd.users, 'heartbeat', beat(grace));
  watch = new Watch(as(`Bearer ${mint(ada, HOUR_S)}`).users,
    { serviceSid, view: 'USER_VIEW_REACHABILITY', resumeToken: watch.resumeToken });
  await watch.expect('configuration', 'configuration');
  const missed = await watch.untilSynced();
  assert.deepEqual([...missed.values()].map((update) => [update.user.identity, update.updateReasons]),
    [[grace, ['UPDATE_REASON_REACHABILITY_ONLINE']]]);
  watch.cancel();
});

await step('makes a key that only reads, and revokes it: its watch ends within about a second', async () => {
  const readerKey = await makeKey('API_KEY_ROLE_READ');
  const reader = as(basic(readerKey));
  const beating = await rejected(reader.users, 'heartbeat', beat(ada));
  assert.deepEqual([beating.code, beating.reason], [grpc.status.PERMISSION_DENIED, 'PERMISSION_DENIED']);
  watch = new Watch(reader.users, { serviceSid });
  await watch.expect('configuration', 'configuration');
  await watch.expect('reset', 'reset');
  await watch.untilSynced();

  await call(administrator.keys, 'revokeApiKey', { apiKeySid: sidOf(readerKey) });
  const revoked = performance.now();
  const end = await watch.end();
  const tookMs = performance.now() - revoked;
  assert.deepEqual([end.code, detailsOf(end).ErrorInfo.reason], [grpc.status.UNAUTHENTICATED, 'API_KEY_REVOKED']);
  assert.ok(tookMs <= SOON_MS, `the watch ended ${tookMs} ms after the key was revoked`);
  const asking = await rejected(reader.users, 'getUser', {});
  assert.deepEqual([asking.code, asking.reason], [grpc.status.UNAUTHENTICATED, 'API_KEY_REVOKED']);
});

await step('revokes the key of the back end: the tokens that it signed end with it', async () => {
  await call(administrator.keys, 'revokeApiKey', { apiKeySid: sidOf(key) });
  for (const client of [user, as(`Bearer ${mint(ada, HOUR_S)}`)]) {
    const beating = await rejected(client.users, 'heartbeat', beat(ada));
    assert.deepEqual([beating.code, beating.reason], [grpc.status.UNAUTHENTICATED, 'API_KEY_REVOKED']);
  }
  await call(administrator.configuration, 'deleteServiceInstance', { serviceSid });
  await call(administrator.configuration, 'deleteServiceInstance', { serviceSid: otherSid });
});

theEnd();
for (const client of clients.flatMap(Object.values)) client.close();
