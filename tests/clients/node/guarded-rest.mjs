// PRESENCE_CA=FILE PRESENCE_KEY=SID:SECRET PRESENCE_AUTH_TOKEN=TOKEN node guarded-rest.mjs [host:port]
//
// The story of a back end that was written for Twilio Conversations, with its credentials: the official helper library, unmodified, over
// TLS. It needs a server with an auth token, whose webhooks may call this machine. The key belongs to an administrator of the whole
// deployment. The story leaves only a revoked API key behind.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BackEnd } from './back-end.mjs';
import { official, rejectedWith, twilio } from './official.mjs';
import { Watch, call, connect } from './presence.mjs';
import { step, theEnd } from './tap.mjs';

const address = process.argv[2] ?? process.env.PRESENCE_ADDRESS ?? '127.0.0.1:5080';
const { PRESENCE_CA: authorityFile, PRESENCE_KEY: administratorKey, PRESENCE_AUTH_TOKEN: authToken } = process.env;
assert.ok(authorityFile && administratorKey && authToken, 'PRESENCE_CA, PRESENCE_KEY and PRESENCE_AUTH_TOKEN must be set');
const authorities = readFileSync(authorityFile);
const accountSid = 'AC00000000000000000000000000000000';
const ada = 'ada@example.com';
const grace = 'grace@example.com';
const mary = 'mary@example.com';

// Creates a client with these credentials. With an API key, the library also needs the account.
const as = (username, password) => official(`https://${address}`, username, password, { authorities, accountSid });

const administrator = connect(address, { authorities, authorization: `Basic ${Buffer.from(administratorKey).toString('base64')}` });
const { services } = as(accountSid, authToken);
let service;
let key;
let user;
let watch;
const backEnd = new BackEnd();

// The next webhook, which must be this event, and whose signature the library must accept.
async function received(event) {
  const { url, signature, parameters } = await backEnd.next(event);
  assert.ok(twilio.validateRequest(authToken, signature, url, parameters), `the signature ${signature} of ${url} is wrong`);
  assert.ok(!twilio.validateRequest('not-the-token', signature, url, parameters));
  assert.deepEqual([parameters.EventType, parameters.AccountSid], [event, accountSid]);
  return parameters;
}

await step('is rejected with a wrong token and with a wrong secret', async () => {
  assert.deepEqual(await rejectedWith(as(accountSid, 'not-the-token').services.list()), [20003, 401]);
  assert.deepEqual(await rejectedWith(as(`AC${'1'.repeat(32)}`, authToken).services.list()), [20003, 401]);
  assert.deepEqual(await rejectedWith(as(administratorKey.split(':')[0], 'not-the-secret').services.list()), [20003, 401]);
});

await step('creates a service and a user with the auth token of the account', async () => {
  const { sid } = await services.create({ friendlyName: 'Node, REST, guarded' });
  service = services(sid);
  await service.configuration().update({ reachabilityEnabled: true });
  assert.equal((await service.users.create({ identity: ada })).accountSid, accountSid);
});

await step('does the same with an API key, in its service and in no other', async () => {
  const { sid: serviceSid } = await service.fetch();
  const made = await call(administrator.keys, 'createApiKey', { role: 'API_KEY_ROLE_SERVICE', serviceSid, friendlyName: 'Node, REST' });
  key = { sid: made.apiKey.sid, secret: made.secret };
  const bearer = as(key.sid, key.secret);
  assert.equal((await bearer.services(serviceSid).users.create({ identity: grace })).identity, grace);
  assert.deepEqual(await rejectedWith(bearer.services(`IS${'0'.repeat(31)}1`).users(grace).fetch()), [20404, 404]);
  assert.deepEqual(await rejectedWith(bearer.services(serviceSid).configuration().update({ reachabilityEnabled: false })), [20403, 403]);
});

await step('signs an access token, with which a client sends heartbeats and watches over gRPC', async () => {
  const { sid: serviceSid } = await service.fetch();
  const { AccessToken } = twilio.jwt;
  const token = new AccessToken(accountSid, key.sid, key.secret, { identity: ada, ttl: 3_600 });
  token.addGrant(new AccessToken.ChatGrant({ serviceSid }));
  user = connect(address, { authorities, authorization: `Bearer ${token.toJwt()}` });
  watch = new Watch(user.users, { serviceSid });
  await watch.expect('configuration', 'configuration');
  await watch.expect('reset', 'reset');
  assert.deepEqual([...(await watch.untilSynced()).keys()], [ada, grace]);
  await call(user.users, 'heartbeat', { serviceSid, userKey: ada, sessionId: randomUUID() });
  assert.equal((await watch.change(ada)).user.isOnline, true);
  assert.equal((await service.users(ada).fetch()).isOnline, true);
});

await step('sees over gRPC what was changed over REST', async () => {
  await service.users(grace).update({ friendlyName: 'Rear Admiral Hopper' });
  const { user: changed, updateReasons } = await watch.change(grace);
  assert.deepEqual([changed.friendlyName, updateReasons], ['Rear Admiral Hopper', ['UPDATE_REASON_FRIENDLY_NAME']]);
  watch.cancel();
});

await step('receives webhooks, whose signature the library accepts', async () => {
  await backEnd.start();
  const postWebhookUrl = `${backEnd.origin}/events?of=users`;
  await service.configuration.webhooks().update({ postWebhookUrl, filters: ['onUserAdded', 'onUserUpdated'] });
  const { sid } = await service.users.create({ identity: mary, friendlyName: 'Größe & Söhne + 1', xTwilioWebhookEnabled: 'true' });
  const added = await received('onUserAdded');
  assert.deepEqual([added.UserSid, added.Identity, added.FriendlyName, added.IsOnline], [sid, mary, 'Größe & Söhne + 1', undefined]);
  await call(administrator.users, 'heartbeat', { serviceSid: added.ChatServiceSid, userKey: mary, sessionId: randomUUID() });
  const online = await received('onUserUpdated');
  assert.deepEqual([online.Identity, online.IsOnline, online.UpdateReasons], [mary, 'true', 'reachabilityOnline']);
});

await step('receives webhooks for no edits of its own, except those that ask for it', async () => {
  await service.users(mary).update({ friendlyName: 'Mary Somerville' });
  await service.users(mary).update({ attributes: '{"team":"engine"}', xTwilioWebhookEnabled: 'true' });
  const updated = await received('onUserUpdated');
  assert.deepEqual(
    [updated.FriendlyName, updated.Attributes, updated.UpdateReasons],
    ['Mary Somerville', '{"team":"engine"}', 'attributes']);
});

await step('is asked before an edit, and may reject it', async () => {
  const edit = () => service.users(mary).update({ friendlyName: 'M. Somerville', xTwilioWebhookEnabled: 'true' });
  await service.configuration.webhooks().update({ preWebhookUrl: `${backEnd.origin}/asked`, filters: ['onUserUpdate'] });
  backEnd.status = 403;
  assert.deepEqual(await rejectedWith(edit()), [20403, 403]);
  assert.equal((await received('onUserUpdate')).FriendlyName, 'M. Somerville');
  assert.equal((await service.users(mary).fetch()).friendlyName, 'Mary Somerville');
  backEnd.status = 204;
  assert.equal((await edit()).friendlyName, 'M. Somerville');
  await received('onUserUpdate');
});

await step('is rejected with a revoked key', async () => {
  await call(administrator.keys, 'revokeApiKey', { apiKeySid: key.sid });
  assert.deepEqual(await rejectedWith(as(key.sid, key.secret).services.list()), [20003, 401]);
  assert.equal(await service.remove(), true);
});

theEnd();
backEnd.close();
for (const client of [administrator, user].flatMap(Object.values)) client.close();
