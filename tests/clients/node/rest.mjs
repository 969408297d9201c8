// PRESENCE_REST=host:port node rest.mjs [host:port]
//
// The story of a back end that was written for Twilio Conversations: the official helper library, unmodified, over REST. Heartbeats and
// push bindings, which clients send, use gRPC. It needs a running server, and leaves nothing behind.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { official, rejectedWith } from './official.mjs';
import { call, connect } from './presence.mjs';
import { step, theEnd } from './tap.mjs';

const rest = process.env.PRESENCE_REST ?? '127.0.0.1:5081';
const { configuration, users } = connect(process.argv[2] ?? process.env.PRESENCE_ADDRESS ?? '127.0.0.1:5080');

// A server without credentials needs none, but the library does.
const accountSid = 'AC00000000000000000000000000000000';
const authToken = 'any';
const { services } = official(`http://${rest}`, accountSid, authToken);

const identities = ['ada', 'of/two parts', 'Ada Lovelace', 'ada+1@example.com', 'Jürgen Größe', '🦊', 'why? #1', '100%2F', 'a&b=c;d:e'];
const CROWD = 120;
let serviceSid;
let service;

// Runs the documentation's sample for Node, unchanged except for the server and the service instance.
async function runSample() {
  const readme = readFileSync(new URL('../../../docs/rest.md', import.meta.url), 'utf8');
  const [, sample] = readme.match(/```js\n(import twilio .*?)```/s);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--input-type=module', '--eval', sample.replace('127.0.0.1:5081', rest).replace(/IS[0-9a-f]{32}/, serviceSid)],
    {
      cwd: fileURLToPath(new URL('.', import.meta.url)),
      env: { ...process.env, TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken },
    });
  return stdout;
}

// Callers must encode identities, because the library puts them into the path unchanged.
const user = (identity) => service.users(encodeURIComponent(identity));

const reachability = ({ isOnline, isNotifiable }) => [isOnline, isNotifiable];

await step('creates a service, finds it and reads it', async () => {
  const created = await services.create({ friendlyName: 'Node, REST' });
  serviceSid = created.sid;
  service = services(serviceSid);
  assert.match(serviceSid, /^IS[0-9a-f]{32}$/);
  assert.ok(created.dateCreated instanceof Date && !Number.isNaN(created.dateCreated.valueOf()));
  assert.deepEqual(Object.keys(created.links).sort(), ['bindings', 'configuration', 'users']);
  assert.deepEqual((await service.fetch()).toJSON(), created.toJSON());
  assert.ok((await services.list()).some(({ sid }) => sid === serviceSid));
});

await step('switches reachability on with the sample of docs/rest.md, and off again', async () => {
  const before = await service.configuration().fetch();
  assert.deepEqual([before.reachabilityEnabled, before.defaultChatServiceRoleSid], [false, null]);
  assert.equal(await runSample(), `${serviceSid}\n`);
  assert.equal((await service.configuration().fetch()).reachabilityEnabled, true);
  const after = await service.configuration().update({ reachabilityEnabled: false });
  assert.deepEqual([after.chatServiceSid, after.reachabilityEnabled], [serviceSid, false]);
});

await step('creates users, and reads each by SID and by identity, whatever stands in it', async () => {
  for (const identity of identities) {
    const created = await service.users.create({ identity });
    assert.deepEqual([created.identity, created.chatServiceSid, created.accountSid, created.attributes, created.friendlyName],
      [identity, serviceSid, accountSid, '{}', null]);
    assert.match(created.sid, /^US[0-9a-f]{32}$/);
    assert.deepEqual((await user(identity).fetch()).toJSON(), created.toJSON());
    assert.deepEqual((await service.users(created.sid).fetch()).toJSON(), created.toJSON());
  }
});

await step('reads a user whose identity is an earlier path of the events', async () => {
  for (const identity of ['Updates', 'updates']) {
    const created = await service.users.create({ identity });
    assert.deepEqual((await service.users(identity).fetch()).toJSON(), created.toJSON());
    assert.equal(await service.users(identity).remove(), true);
  }
});

await step('names users as they are, where the library lets it', async () => {
  for (const identity of ['Ada Lovelace', 'ada+1@example.com', 'Jürgen Größe', '🦊', 'a&b=c;d:e']) {
    assert.equal((await service.users(identity).fetch()).identity, identity);
  }
});

await step('updates what it names of a user, and nothing else', async () => {
  const attributes = JSON.stringify({ team: 'analytical engine', '🦊': 'ü+ &=' });
  const roleSid = `RL${'1'.repeat(32)}`;
  await user('of/two parts').update({ friendlyName: 'Größe & Söhne + 1', attributes });
  const updated = await user('of/two parts').update({ roleSid });
  assert.deepEqual([updated.friendlyName, updated.attributes, updated.roleSid], ['Größe & Söhne + 1', attributes, roleSid]);
  assert.equal((await user('of/two parts').update({ friendlyName: '' })).friendlyName, null);
});

await step('lists a crowd, page by page', async () => {
  await Promise.all(Array.from({ length: CROWD - identities.length }, (_, i) => service.users.create({ identity: `visitor-${i}` })));
  const everybody = await service.users.list();
  assert.equal(new Set(everybody.map(({ sid }) => sid)).size, CROWD);
  assert.equal(everybody.length, CROWD);
  assert.equal((await service.users.list({ limit: 70 })).length, 70);

  const seen = [];
  await service.users.each({ pageSize: 20 }, ({ sid }) => seen.push(sid));
  assert.deepEqual(seen, everybody.map(({ sid }) => sid));

  const first = await service.users.page({ pageSize: 50 });
  const second = await first.nextPage();
  const third = await service.users.getPage(second.nextPageUrl);
  assert.deepEqual([first, second, third].map(({ instances }) => instances.length), [50, 50, 20]);
  assert.deepEqual([first.previousPageUrl, third.nextPageUrl], [undefined, undefined]);
  const back = await third.previousPage();
  const start = await service.users.getPage(back.previousPageUrl);
  assert.deepEqual([back, start].map(({ instances }) => instances.map(({ sid }) => sid)),
    [second, first].map(({ instances }) => instances.map(({ sid }) => sid)));
  assert.equal(start.previousPageUrl, undefined);
  assert.deepEqual([...first.instances, ...second.instances, ...third.instances].map(({ sid }) => sid), seen);
});

await step('reads true after a heartbeat, and null for a user that was never online', async () => {
  assert.deepEqual(reachability(await user('ada').fetch()), [null, null]);
  await service.configuration().update({ reachabilityEnabled: true });
  await call(users, 'heartbeat', { serviceSid, userKey: 'ada', sessionId: randomUUID() });
  assert.deepEqual(reachability(await user('ada').fetch()), [true, null]);
  assert.deepEqual(reachability(await user('🦊').fetch()), [null, null]);
  assert.deepEqual((await service.users.list({ limit: 1 })).map(reachability), [[null, null]]);
});

await step('finds push bindings that clients registered, by type and by user, and deletes one', async () => {
  const register = (userKey, bindingType) =>
    call(users, 'setPushBinding', { serviceSid, userKey, bindingType, endpoint: `the-device-token-of-${userKey}` });
  await register('ada', 'BINDING_TYPE_FCM');
  await register('of/two parts', 'BINDING_TYPE_APN');
  await register('🦊', 'BINDING_TYPE_APN');
  const found = async (filters) => (await service.bindings.list(filters)).map(({ identity, bindingType }) => [identity, bindingType]);
  assert.deepEqual(await found(), [['ada', 'fcm'], ['of/two parts', 'apn'], ['🦊', 'apn']]);
  assert.deepEqual(await found({ bindingType: ['apn'] }), [['of/two parts', 'apn'], ['🦊', 'apn']]);
  assert.deepEqual(await found({ identity: ['ada', '🦊'] }), [['ada', 'fcm'], ['🦊', 'apn']]);
  assert.deepEqual(await found({ bindingType: ['fcm'], identity: ['🦊'] }), []);
  assert.deepEqual(await found({ bindingType: ['twilsock'] }), []);

  const [binding] = await service.bindings.list({ identity: ['ada'] });
  assert.match(binding.sid, /^BS[0-9a-f]{32}$/);
  assert.equal(binding.endpoint, 'the-device-token-of-ada');
  assert.deepEqual((await service.bindings(binding.sid).fetch()).toJSON(), binding.toJSON());
  assert.deepEqual(reachability(await user('ada').fetch()), [true, true]);
  assert.equal(await service.bindings(binding.sid).remove(), true);
  assert.deepEqual(await rejectedWith(service.bindings(binding.sid).fetch()), [20404, 404]);
  assert.deepEqual(reachability(await user('ada').fetch()), [true, false]);
});

await step('keeps what it sets of notifications', async () => {
  const notifications = service.configuration.notifications();
  const before = await notifications.fetch();
  assert.deepEqual([before.logEnabled, before.newMessage.enabled, before.chatServiceSid], [false, false, serviceSid]);
  const changes = {
    logEnabled: true,
    'newMessage.enabled': true,
    'newMessage.template': 'ü: ${MESSAGE}',
    'newMessage.withMedia.enabled': true,
  };
  const after = await notifications.update(changes);
  assert.deepEqual([after.logEnabled, after.newMessage.enabled, after.newMessage.template, after.newMessage.with_media.enabled],
    [true, true, 'ü: ${MESSAGE}', true]);
  assert.equal(after.addedToConversation.enabled, false);
  assert.deepEqual((await notifications.fetch()).toJSON(), after.toJSON());
});

await step('keeps what it sets of webhooks', async () => {
  const webhooks = service.configuration.webhooks();
  assert.deepEqual((await webhooks.fetch()).postWebhookUrl, null);
  const after = await webhooks.update(
    { postWebhookUrl: 'https://example.org/presence?a=b', filters: ['onUserAdded', 'onUserUpdated'], method: 'POST' });
  assert.deepEqual([after.postWebhookUrl, after.filters, after.method, after.preWebhookUrl],
    ['https://example.org/presence?a=b', ['onUserAdded', 'onUserUpdated'], 'POST', null]);
  assert.deepEqual((await webhooks.fetch()).toJSON(), after.toJSON());
});

await step('is rejected with the codes of Twilio Conversations', async () => {
  assert.deepEqual(await rejectedWith(user('nobody').fetch()), [20404, 404]);
  assert.deepEqual(await rejectedWith(services(`IS${'0'.repeat(32)}`).fetch()), [20404, 404]);
  assert.deepEqual(await rejectedWith(services('of no form').users('ada').fetch()), [20404, 404]);
  assert.deepEqual(await rejectedWith(service.users.create({ identity: 'ada' })), [50201, 409]);
  assert.deepEqual(await rejectedWith(service.users.create({ identity: `US${'0'.repeat(32)}` })), [50206, 400]);
  assert.deepEqual(await rejectedWith(service.users.create({ identity: 'grace', attributes: '[1]' })), [20001, 400]);
  assert.deepEqual(await rejectedWith(user('ada').update({ attributes: '{' })), [20001, 400]);
  assert.deepEqual(await rejectedWith(user('ada').update({ roleSid: 'none' })), [20001, 400]);
  assert.deepEqual(await rejectedWith(service.users.page({ pageToken: 'of no form' })), [20001, 400]);
  assert.deepEqual(await rejectedWith(service.users.page({ pageNumber: 1 })), [20001, 400]);
  assert.deepEqual(await rejectedWith(service.users.create({ identity: 'x'.repeat(257) })), [50207, 400]);
  assert.deepEqual(await rejectedWith(user('ada').update({ friendlyName: 'x'.repeat(257) })), [50003, 400]);
});

await step('deletes users, and then the service', async () => {
  for (const identity of identities) {
    assert.equal(await user(identity).remove(), true);
    assert.deepEqual(await rejectedWith(user(identity).fetch()), [20404, 404]);
  }
  assert.equal(await service.remove(), true);
  assert.deepEqual(await rejectedWith(service.fetch()), [20404, 404]);
});

theEnd();
users.close();
configuration.close();
