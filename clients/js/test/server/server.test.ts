import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import vm from 'node:vm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Transport, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { UserService, type WatchUsersRequest, type WatchUsersResponse } from '../../src/gen/presence/v1/user_service_pb.js';
import { connect as connectTransport } from '../../src/transport/node.js';
import { Client, type ClientOptions, type User } from '../../src/index.js';
import { PresenceServer } from '../support/presence-server.js';
import { until, within } from '../support/waiting.js';
import { textOf } from '../support/world.js';

const SAMPLE = readFileSync(new URL('../support/conversations-sample.js', import.meta.url), 'utf8');

let server: PresenceServer;
let serviceSid: string;
let clients: Client[] = [];

beforeAll(async () => {
  server = await PresenceServer.start();
  serviceSid = await server.createService(1, 60);
});
afterEach(async () => {
  await Promise.all(clients.map((client) => client.shutdown()));
  clients = [];
});
afterAll(() => server.close());

/** Makes a client, and waits until it is initialized. */
async function connect(identity: string, options: Partial<ClientOptions> = {}): Promise<{ client: Client; updates: string[] }> {
  const client = new Client({ url: server.grpcUrl, serviceSid, identity, ...options });
  clients.push(client);
  const updates: string[] = [];
  client.on('userUpdated', (update) => updates.push(textOf(update)));
  let isInitialized = false;
  client.on('stateChanged', (state) => { isInitialized = state === 'initialized'; });
  await until(client, 'initialization', () => isInitialized);
  return { client, updates };
}

describe('Compatible', () => {
  it('runs the sample of the Conversations SDK as it stands', async () => {
    const { client: conversationsClient, updates } = await connect('ada');
    const page = vm.createContext({ conversationsClient });
    vm.runInContext(SAMPLE, page);
    page.registerEventHandlers();
    await server.endSessions(serviceSid, 'ada'); // the client begins another session
    await until(conversationsClient, 'return', () => updates.length === 2);
    expect(updates).toEqual(Array(2).fill('ada: reachabilityOnline, online'));
  });

  it('enters the branch of the sample that handles a change of reachability', async () => {
    const { client: conversationsClient, updates } = await connect('ada');
    const entered: string[] = [];
    // A comment leaves no trace, so a call takes its place.
    const enter = ({ identity, isOnline }: User) => entered.push(`${identity} ${isOnline}`);
    const page = vm.createContext({ conversationsClient, enter });
    vm.runInContext(SAMPLE.replace('//do something', 'enter(user);'), page);
    page.registerEventHandlers();
    await server.endSessions(serviceSid, 'ada'); // the client begins another session
    await until(conversationsClient, 'return', () => updates.length === 2);
    expect(entered).toEqual(['ada false', 'ada true']);
  });
});

describe('Online and Gone', () => {
  it('shows two clients each other as they come and go', async () => {
    const { client: ada } = await connect('ada');
    const { client: bob } = await connect('bob');
    const bobs = await ada.getUser('bob');
    expect([bobs.isOnline, (await bob.getUser('ada')).isOnline]).toEqual([true, true]);
    await bob.shutdown();
    await until(ada, 'leave of bob', () => bobs.isOnline === false);
    await connect('bob');
    await until(ada, 'return of bob', () => bobs.isOnline === true);
  });

  it('shows null while reachability is switched off', async () => {
    const { client: ada } = await connect('ada');
    await connect('bob');
    const bobs = await ada.getUser('bob');
    await server.switchReachability(serviceSid, false);
    await until(ada, 'switch', () => bobs.isOnline === null && ada.user.isOnline === null);
    expect(ada.reachabilityEnabled).toBe(false);
    await server.switchReachability(serviceSid, true);
    await until(ada, 'switch back', () => bobs.isOnline === true && ada.user.isOnline === true);
    expect(ada.reachabilityEnabled).toBe(true);
  });

  it('shows a profile that changes, and rejects a user that does not exist', async () => {
    const { client: ada, updates } = await connect('ada');
    await connect('bob');
    const bobs = await ada.getUser('bob');
    await expect(ada.getUser('nobody')).rejects.toMatchObject({ reason: 'USER_NOT_FOUND' });
    await server.users.updateUser({
      user: { serviceSid, identity: 'bob', friendlyName: 'Bob', attributes: '{"team":"red"}' },
      updateMask: { paths: ['friendly_name', 'attributes'] },
    });
    await until(ada, 'profile', () => bobs.friendlyName === 'Bob');
    expect([bobs.attributes, updates]).toEqual([{ team: 'red' }, ['bob: friendlyName, attributes']]);
  });
});

describe('A user that is deleted while its client runs', () => {
  it('is created again by the next heartbeat, without its profile', async () => {
    const { client: ada, updates } = await connect('ada');
    const { client: bob } = await connect('bob');
    await server.rename(serviceSid, 'bob', 'Bob');
    const bobs = await ada.getUser('bob');
    const { sid } = bobs;
    await server.users.deleteUser({ serviceSid, userKey: 'bob' });
    await until(ada, 'deletion', () => bobs.sid === '');
    await until(ada, 'creation', () => bobs.isOnline === true);
    await until(bob, 'creation of its own user', () => bob.user.isOnline === true);
    expect([bobs.sid !== sid, bobs.sid === bob.user.sid, bobs.friendlyName, bob.user.friendlyName]).toEqual([true, true, '', '']);
    expect(updates.map((update) => update.split(', ')[0])).toEqual(['bob: deleted', 'bob: created']);
  });

  it('stays deleted, and its client stops, where heartbeats may not create users', async () => {
    const sid = await server.createService(1, 60);
    const { client: bob } = await connect('bob', { serviceSid: sid });
    const failures: string[] = [];
    bob.on('connectionError', ({ reason, terminal }) => failures.push(`${reason} ${terminal}`));
    await server.configuration.updateConfiguration({
      configuration: { serviceSid: sid, autoCreateUsers: false }, updateMask: { paths: ['auto_create_users'] },
    });
    await server.users.deleteUser({ serviceSid: sid, userKey: 'bob' });
    await until(bob, 'end', () => bob.connectionState === 'denied');
    expect(failures.at(-1)).toBe('USER_NOT_FOUND true');
  });
});

describe('Resumed', () => {
  it.each(['SIGTERM', 'SIGKILL'] as const)('continues after %s and a restart, and nobody goes offline', async (signal) => {
    const { client: ada, updates } = await connect('ada');
    await connect('bob');
    const bobs = await ada.getUser('bob');
    await server.end(signal);
    await until(ada, 'end', () => ada.connectionState === 'disconnected');
    await server.restart();
    await until(ada, 'reconnection', () => ada.connectionState === 'connected');
    await server.rename(serviceSid, 'bob', signal);
    await until(ada, 'change of bob', () => bobs.friendlyName === signal);
    expect([bobs.isOnline, updates]).toEqual([true, ['bob: friendlyName']]);
  });
});

describe('Exact', () => {
  it('converges to a restored backup, which is older than what the client knows, and raises what differs', async () => {
    const restored = await PresenceServer.start();
    try {
      const sid = await restored.createService(1, 60);
      const { watches, transport } = observe(restored.grpcUrl);
      for (const identity of ['bob', 'cay', 'eve']) await restored.users.createUser({ serviceSid: sid, identity });
      await restored.users.heartbeat({ serviceSid: sid, userKey: 'eve', sessionId: 'session' });
      const { client, updates } = await connect('ada', { url: restored.grpcUrl, serviceSid: sid, transport });
      const [bob, cay, dan, eve] = await Promise.all(
        ['bob', 'cay', 'dan', 'eve'].map((identity) => client.getUser(identity, { mayBeMissing: true }))) as [User, User, User, User];
      const { sid: caysSid } = cay;
      restored.backUp();

      await restored.rename(sid, 'bob', 'lost');
      await restored.users.deleteUser({ serviceSid: sid, userKey: 'cay' });
      await restored.users.createUser({ serviceSid: sid, identity: 'dan' });
      await restored.users.endSession({ serviceSid: sid, userKey: 'eve', sessionId: 'session' });
      await until(client, 'changes', () => bob.friendlyName === 'lost' && cay.sid === '' && dan.sid !== '' && eve.isOnline === false);
      updates.length = 0;
      await restored.end('SIGKILL');
      restored.restore();
      await restored.restart();

      await until(client, 'state of the backup', () => bob.friendlyName === '');
      expect([cay.sid, dan.sid, eve.isOnline, client.user.isOnline]).toEqual([caysSid, '', true, true]);
      expect(updates.sort()).toEqual([
        'bob: friendlyName', 'cay: created', 'dan: deleted', 'eve: reachabilityOnline, online',
      ]);
      // The server did not accept the token, which is from after the backup.
      expect([watches.at(-1)!.resumeToken !== '', watches.at(-1)!.events.slice(0, 2)]).toEqual([true, ['configuration', 'reset']]);
      // Its revisions begin again below those that the client has seen.
      await restored.rename(sid, 'bob', 'Bob');
      await until(client, 'change after the restore', () => bob.friendlyName === 'Bob');
      const { users } = await restored.users.batchGetUsers({ serviceSid: sid, userKeys: ['ada', 'bob', 'cay', 'dan', 'eve'] });
      const known = [client.user, bob, cay, eve];
      expect(known.map(({ identity, sid: of, isOnline }) => [identity, of, isOnline]).sort())
        .toEqual(users.map(({ identity, sid: of, isOnline }) => [identity, of, isOnline ?? null]).sort());
    } finally {
      await restored.close();
    }
  });
});

describe('Resumed in Node', () => {
  it('opens another connection when the present one is given up', async () => {
    const connection = connectTransport(server.grpcUrl);
    const users = createClient(UserService, connection.transport);
    const read = async () => (await users.batchGetUsers({ serviceSid, userKeys: ['ada'] })).users.length;
    expect(await read()).toBe(1);
    connection.reset();
    expect(await read()).toBe(1);
    connection.close();
  });
});

describe('Renewed', () => {
  it('stays connected with access tokens that live for 14 s', async () => {
    const guarded = await PresenceServer.start({ requiresCredentials: true });
    try {
      const sid = await guarded.createService(1, 60);
      let tokens = 0;
      let renew = () => {};
      const renewed = new Promise<void>((resolve) => { renew = resolve; });
      const { client, updates } = await connect('ada', {
        url: guarded.grpcUrl,
        serviceSid: sid,
        token: () => {
          if (++tokens === 3) renew();
          return sign(guarded.adminKey, sid, 'ada', tokens);
        },
      });
      const failures: string[] = [];
      client.on('connectionError', ({ reason }) => failures.push(reason));
      // Each is renewed after 10.5 s, so the first has expired when the third is needed.
      await within(30, 'third token', renewed);
      expect([failures, updates, client.user.isOnline]).toEqual([[], [], true]);
      await client.shutdown();
      expect(await guarded.isOnline(sid, 'ada')).toBe(false);
    } finally {
      await guarded.close();
    }
  });
});

describe('A peer that does not speak HTTP/2', () => {
  it('Gone: the end of the client leaves no error that would end the process', async () => {
    const uncaught: unknown[] = [];
    const note = (error: unknown) => { uncaught.push(error); };
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', note); // those of vitest would only fail the run
    const peer = createServer((_, response) => { response.writeHead(502).end(); });
    const closed: Promise<void>[] = [];
    peer.on('connection', (socket) => closed.push(new Promise((resolve) => { socket.once('close', () => resolve()); })));
    await new Promise<void>((resolve) => { peer.listen(0, '127.0.0.1', resolve); });
    try {
      const client = new Client({ url: `http://127.0.0.1:${(peer.address() as AddressInfo).port}`, serviceSid, identity: 'ada' });
      await within(10, 'failed call', new Promise<void>((resolve) => { client.on('connectionError', () => resolve()); }));
      await client.shutdown();
      await within(10, 'end of the connections', Promise.all(closed));
      await new Promise((resolve) => { setImmediate(resolve); });
    } finally {
      peer.close();
      process.removeAllListeners('uncaughtException');
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
    expect(closed).not.toHaveLength(0);
    expect(uncaught).toEqual([]);
  });
});

interface ObservedWatch {
  readonly resumeToken: string;
  readonly events: (string | undefined)[];
}

/** A transport that notes each watch, and the kinds of its messages. */
function observe(baseUrl: string): { watches: ObservedWatch[]; transport: Transport } {
  const watches: ObservedWatch[] = [];
  const note = async function* (messages: AsyncIterable<unknown>, events: (string | undefined)[]) {
    for await (const message of messages) {
      events.push((message as WatchUsersResponse).event.case);
      yield message;
    }
  };
  const transport = createGrpcTransport({
    baseUrl,
    interceptors: [(next) => async (request) => {
      if (!request.stream) return next(request);
      const events: (string | undefined)[] = [];
      const message = (async function* () {
        for await (const each of request.message) {
          watches.push({ resumeToken: (each as unknown as WatchUsersRequest).resumeToken, events });
          yield each;
        }
      })();
      const response = await next({ ...request, message });
      return response.stream ? { ...response, message: note(response.message, events) as never } : response;
    }],
  });
  return { watches, transport };
}

/** An access token that a back end signs with its key. */
function sign(key: string, serviceSid: string, identity: string, number: number): string {
  const [iss, secret] = key.split(':') as [string, string];
  const iat = Math.floor(Date.now() / 1_000);
  const signed = [
    { alg: 'HS256', typ: 'JWT', cty: 'twilio-fpa;v=1' },
    { jti: `${iss}-${number}`, iss, iat, exp: iat + 14, grants: { identity, chat: { service_sid: serviceSid } } },
  ].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
