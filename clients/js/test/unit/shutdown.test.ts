import { Code } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UpdateReason } from '../../src/gen/presence/v1/user_pb.js';
import { HeartbeatResponseSchema } from '../../src/gen/presence/v1/user_service_pb.js';
import { type Message, answer, frames, headers } from '../support/grpc-web.js';
import { rejection } from '../support/fake-server.js';
import { type World, accessToken, advance, createWorld, settle, startWorld, user } from '../support/world.js';

const { FRIENDLY_NAME } = UpdateReason;

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** The rejection of each call with this token. */
const rejecting = (token: string) => (authorization: string | null) =>
  (authorization === `Bearer ${token}` ? rejection(Code.Unauthenticated, 'ACCESS_TOKEN_EXPIRED') : undefined);

/** A client that watches bob and eve. */
async function watchBoth(): Promise<World & { raised: string[]; change(): Promise<void> }> {
  const world = await startWorld();
  const { client, server } = world;
  for (const identity of ['bob', 'eve']) server.users.set(identity, user(identity));
  await Promise.all(['bob', 'eve'].map((identity) => client.getUser(identity)));
  await advance(1);
  const raised: string[] = [];
  for (const each of await client.getSubscribedUsers()) each.on('updated', () => raised.push(`user ${each.identity}`));
  client.on('userUpdated', ({ user: { identity } }) => raised.push(`client ${identity}`));
  const changed = ['ada', 'bob', 'eve'].map((identity, i) => ({
    user: user(identity, { friendlyName: 'New', revision: BigInt(20 + i) }), updateReasons: [FRIENDLY_NAME],
  }));
  return { ...world, raised, change: () => { server.watch.updates(changed); return settle(); } };
}

describe('Gone', () => {
  it('raises nothing after shutdown was called in a listener of the client', async () => {
    const { client, raised, change } = await watchBoth();
    client.on('userUpdated', () => void client.shutdown());
    await change();
    expect(raised).toEqual(['user ada', 'client ada']);
  });

  it('raises nothing after shutdown was called in a listener of a user', async () => {
    const { client, raised, change } = await watchBoth();
    client.user.on('updated', () => void client.shutdown());
    await change();
    expect(raised).toEqual(['user ada']);
  });

  it('raises nothing that a listener caused before another one called shutdown', async () => {
    const { client, server, seen } = await startWorld();
    server.users.set('bob', user('bob'));
    client.on('userSubscribed', (bob) => void bob.unsubscribe()).on('userSubscribed', () => void client.shutdown());
    await client.getUser('bob');
    await settle();
    expect([seen.others, seen.connectionStates]).toEqual([['subscribed bob'], ['connected', 'disconnecting', 'disconnected']]);
  });

  it('raises the states of the connection in their order for all listeners, if one of them shuts the client down', async () => {
    const { client } = createWorld();
    const states: string[] = [];
    client.on('connectionStateChanged', () => void client.shutdown());
    client.on('connectionStateChanged', (state) => states.push(state));
    await settle();
    expect(states).toEqual(['connected', 'disconnecting', 'disconnected']);
  });

  it('raises nothing of the messages that were received together with that of the listener', async () => {
    const changes = [21n, 22n, 23n].map((revision): Message => ({
      event: { case: 'updates', value: { updates: [{ user: user('ada', { revision }), updateReasons: [FRIENDLY_NAME] }] } },
    }));
    const received = frames([{ event: { case: 'reset', value: {} } }, { event: { case: 'synced', value: {} } }, ...changes]);
    const transport = createGrpcWebTransport({
      baseUrl: 'http://server.test',
      fetch: async (url) => (String(url).endsWith('/Heartbeat') ? answer(HeartbeatResponseSchema, {})
        : new Response(new ReadableStream({ start: (controller) => controller.enqueue(received) }), { headers })),
    });
    const { client } = createWorld({ transport });
    let raised = 0;
    client.on('stateChanged', () => {
      client.user.on('updated', () => {
        raised++;
        void client.shutdown();
      });
    });
    await advance(10);
    expect([raised, client.user.state.revision, vi.getTimerCount()]).toEqual([1, 21n, 0]);
  });

  it.each(['connectionStateChanged', 'stateChanged'] as const)('is not initialized if %s shuts it down', async (event) => {
    const { client, seen } = createWorld();
    client.on(event, () => void client.shutdown());
    const initialized = vi.fn();
    client.on('initialized', initialized);
    await settle();
    expect(initialized).not.toHaveBeenCalled();
    expect(seen.connectionStates).toEqual(['connected', 'disconnecting', 'disconnected']);
  });

  it('ends once, and each call of shutdown returns the same promise', async () => {
    const { server, client, seen } = await startWorld();
    const promises: Promise<void>[] = [];
    client.on('connectionStateChanged', (state) => { if (state === 'disconnecting') promises.push(client.shutdown()); });
    promises.push(client.shutdown(), client.shutdown());
    await Promise.all(promises);
    promises.push(client.shutdown());
    expect([new Set(promises).size, server.ended.length]).toEqual([1, 1]);
    expect(seen.connectionStates).toEqual(['connected', 'disconnecting', 'disconnected']);
  });

  it('waits at shutdown for the end that an error began', async () => {
    const { server, client, seen } = await startWorld();
    server.answersEnd = false;
    server.watch.fail(rejection(Code.NotFound, 'SERVICE_INSTANCE_NOT_FOUND'));
    await advance(1);
    const stopped = vi.fn();
    void client.shutdown().then(stopped);
    await advance(8.9);
    expect(stopped).not.toHaveBeenCalled();
    await advance(0.1);
    expect([stopped.mock.calls.length, seen.connectionStates, vi.getTimerCount()]).toEqual([1, ['connected', 'denied'], 0]);
    await expect(client.getUser('ada')).rejects.toMatchObject({ reason: 'SERVICE_INSTANCE_NOT_FOUND' });
  });

  it('obtains a token to end its session if the server rejects the one it has, and does not renew it later', async () => {
    const tokens = [accessToken('ada', { lifetime: 60, jti: '1' }), accessToken('ada', { lifetime: 60, jti: '2' })];
    const ask = vi.fn(() => tokens[ask.mock.calls.length - 1]!);
    const { server, client, seen } = await startWorld({ token: ask });
    server.rejectEnd = rejecting(tokens[0]!);
    await client.shutdown();
    expect([server.ended.length, ask.mock.calls.length]).toEqual([1, 2]);
    await advance(600);
    expect([ask.mock.calls.length, vi.getTimerCount(), seen.others, seen.errors]).toEqual([2, 0, [], []]);
  });

  it('does not renew its token, nor say that it expires, while it ends', async () => {
    const ask = vi.fn(() => accessToken('ada', { lifetime: 60 }));
    const worlds = [await startWorld({ token: ask }), await startWorld({ token: accessToken('ada', { lifetime: 60 }) })];
    await advance(40);
    for (const { server, client } of worlds) {
      server.answersEnd = false;
      void client.shutdown();
    }
    await advance(9.9);
    expect(worlds.map(({ client }) => client.connectionState)).toEqual(['disconnecting', 'disconnecting']);
    await advance(0.1);
    expect([ask.mock.calls.length, worlds.map(({ seen }) => seen.others), vi.getTimerCount()]).toEqual([1, [[], []], 0]);
  });

  it('cancels a heartbeat that is not answered', async () => {
    const { server, client } = await startWorld();
    server.answersHeartbeats = false;
    await advance(31);
    expect(server.beats.map(({ signal }) => signal.aborted).slice(1)).toEqual([false]);
    void client.shutdown();
    await settle();
    expect([server.beats[1]!.signal.aborted, server.ended.length]).toEqual([true, 1]);
  });

  it('resolves after 10 s if neither a token comes nor the server answers', async () => {
    const token = accessToken('ada');
    const ask = vi.fn(async () => token);
    const { server, client } = await startWorld({ token: ask });
    server.rejectEnd = rejecting(token);
    ask.mockReturnValue(new Promise(() => {}));
    const stopped = vi.fn();
    void client.shutdown().then(stopped);
    await advance(9.9);
    expect(stopped).not.toHaveBeenCalled();
    await advance(0.1);
    expect([stopped.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0]);
  });

  it.each([
    ['is asked for the first token', () => new Promise<string>(() => {})],
    ['has failed', async () => { throw new Error('offline'); }],
  ])('can be shut down while the provider %s', async (_, token) => {
    const { client, seen, server } = createWorld({ token });
    await settle();
    await client.shutdown();
    expect([vi.getTimerCount(), server.beats.length, seen.connectionStates]).toEqual([0, 0, ['disconnecting', 'disconnected']]);
  });

  it('rejects getUser, also for a user that was read before the end, and leaves no timer when users are left', async () => {
    const world = await startWorld();
    world.server.users.set('bob', user('bob'));
    const bob = await world.client.getUser('bob');
    await advance(1);
    let read: Promise<unknown> | undefined;
    world.server.onRead = () => { read = world.client.shutdown(); };
    await expect(world.client.getUser('eve')).rejects.toMatchObject({ reason: 'CLIENT_STOPPED' });
    await read;
    await expect(world.client.getUser('bob')).rejects.toMatchObject({ reason: 'CLIENT_STOPPED' });
    await expect(world.client.getUser('ada')).rejects.toMatchObject({ reason: 'CLIENT_STOPPED' });
    await bob.unsubscribe();
    await world.client.updateToken(accessToken('ada'));
    expect([vi.getTimerCount(), world.seen.others]).toEqual([0, ['subscribed bob']]);
  });

  it('subscribes to no user after its end, even if all were read before', async () => {
    const { server, client, seen } = await startWorld();
    for (const identity of ['bob', 'eve']) server.users.set(identity, user(identity));
    client.on('userSubscribed', () => void client.shutdown());
    const [bob, eve] = await Promise.allSettled([client.getUser('bob'), client.getUser('eve')]);
    expect([bob.status, eve]).toMatchObject(['fulfilled', { reason: { reason: 'CLIENT_STOPPED' } }]);
    await settle();
    expect([seen.others, (await client.getSubscribedUsers()).length]).toEqual([['subscribed bob'], 2]);
  });
});
