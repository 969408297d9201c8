import { Code } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UpdateReason } from '../../src/gen/presence/v1/user_pb.js';
import { FakeServer, rejection } from '../support/fake-server.js';
import { advance, createWorld, settle, startWorld, user } from '../support/world.js';

let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  for (let i = 0; i < 1_200; i++) server.users.set(`user-${i}`, user(`user-${i}`, { isOnline: false }));
});
afterEach(() => { vi.useRealTimers(); });

describe('Subscribed', () => {
  it('has one watch for all users, which joins those of the same moment', async () => {
    const { client, seen } = await startWorld({}, server);
    const users = await Promise.all(['user-1', 'user-2', 'user-1'].map((identity) => client.getUser(identity)));
    expect(users[2]).toBe(users[0]);
    expect([users[0]!.isOnline, users[0]!.isSubscribed]).toEqual([false, true]);
    await client.getUser('user-3');
    await advance(0.25);
    expect(server.reads).toEqual([['user-1', 'user-2'], ['user-3']]);
    expect(server.watches.map(({ request, isOpen }) => [request.userKeys, isOpen])).toEqual([
      [['ada'], false], [['ada', 'user-1', 'user-2', 'user-3'], true],
    ]);
    expect(server.watch.request.resumeToken).toBe('');
    expect(seen.others).toEqual(['subscribed user-1', 'subscribed user-2', 'subscribed user-3']);
    expect(seen.connectionStates).toEqual(['connected']);
  });

  it('raises what changed between reading a user and watching it', async () => {
    const { client, seen } = await startWorld({}, server);
    await client.getUser('user-1');
    server.users.set('user-1', user('user-1', { isOnline: true, revision: 11n }));
    await advance(1);
    expect(seen.updates).toEqual(['user-1: reachabilityOnline, online']);
  });

  it('reads many users together, at most 100 at a time', async () => {
    const { client } = await startWorld({}, server);
    await Promise.all(Array.from({ length: 250 }, (_, i) => client.getUser(`user-${i}`)));
    expect(server.reads.map(({ length }) => length)).toEqual([100, 100, 50]);
    expect((await client.getSubscribedUsers()).length).toBe(251);
  });

  it('knows its own user without reading it', async () => {
    const { client } = await startWorld({}, server);
    expect(await client.getUser('ada')).toBe(client.user);
    await client.user.unsubscribe();
    expect([await client.getSubscribedUsers(), server.reads]).toEqual([[client.user], []]);
  });

  it('can be asked for users before it is initialized', async () => {
    const { client } = createWorld({}, server);
    const user1 = client.getUser('user-1');
    await settle();
    expect((await user1).identity).toBe('user-1');
  });

  it('rejects an identity without a user, and watches only the others', async () => {
    const { client } = await startWorld({}, server);
    const [known, unknown] = await Promise.allSettled([client.getUser('user-1'), client.getUser('nobody')]);
    expect(known.status).toBe('fulfilled');
    expect(unknown).toMatchObject({ reason: { name: 'PresenceError', reason: 'USER_NOT_FOUND' } });
    await advance(1);
    expect(server.watch.request.userKeys).toEqual(['ada', 'user-1']);
  });

  it('watches an identity without a user if that is asked for, until the user is created', async () => {
    const { client, seen } = await startWorld({}, server);
    const missing = await client.getUser('nobody', { mayBeMissing: true });
    expect([missing.identity, missing.sid, missing.isOnline, missing.attributes]).toEqual(['nobody', '', null, {}]);
    await advance(1);
    expect(server.watch.request.userKeys).toEqual(['ada', 'nobody']);
    const { CREATED, REACHABILITY_ONLINE } = UpdateReason;
    server.watch.update(user('nobody', { isOnline: true }), CREATED, REACHABILITY_ONLINE);
    await settle();
    expect([missing.sid, missing.isOnline, seen.updates]).toEqual(['US-nobody', true, ['nobody: created, reachabilityOnline, online']]);
    expect(await client.getUser('nobody')).toBe(missing);
  });

  it('raises nothing for a user that was created and deleted while the connection was lost', async () => {
    const { client, seen } = await startWorld({}, server);
    const missing = await client.getUser('nobody', { mayBeMissing: true });
    await advance(1);
    server.answersWatches = false;
    server.watch.fail(rejection(Code.Unavailable, ''));
    await advance(2);
    const { CREATED, DELETED, REACHABILITY_ONLINE } = UpdateReason;
    server.watch.configure().update({ sid: 'US-nobody', identity: 'nobody', revision: 20n }, DELETED).sync();
    await settle();
    expect([missing.sid, seen.updates]).toEqual(['', []]);
    server.watch.update(user('nobody', { isOnline: true, revision: 21n }), CREATED, REACHABILITY_ONLINE);
    await settle();
    server.watch.update({ sid: 'US-nobody', identity: 'nobody', revision: 22n }, DELETED);
    await settle();
    expect(seen.updates).toEqual(['nobody: created, reachabilityOnline, online', 'nobody: deleted']);
  });

  const notIdentities = ['', 'x'.repeat(257), 'a\nb', 'a\ud800', `US${'0'.repeat(32)}`, undefined as unknown as string];

  it.each(notIdentities)('rejects what is not an identity: %j', async (identity) => {
    const { client } = await startWorld({}, server);
    await expect(client.getUser(identity)).rejects.toThrow(TypeError);
    expect(server.reads).toEqual([]);
  });

  it('waits while the server cannot be reached', async () => {
    const { client } = await startWorld({}, server);
    server.rejectRead = () => rejection(Code.Unavailable, 'STORAGE_UNAVAILABLE', 1);
    const read = client.getUser('user-1');
    await advance(60);
    server.rejectRead = () => undefined;
    await advance(30);
    expect((await read).identity).toBe('user-1');
  });

  it('rejects when the server does, and goes on', async () => {
    const { client, seen } = await startWorld({}, server);
    server.rejectRead = () => rejection(Code.InvalidArgument, 'FIELD_INVALID');
    await expect(client.getUser('user-1')).rejects.toMatchObject({ reason: 'FIELD_INVALID' });
    server.rejectRead = () => undefined;
    expect([(await client.getUser('user-2')).identity, seen.connectionStates]).toEqual(['user-2', ['connected']]);
  });

  it('watches at most 1,000 users', async () => {
    const { client } = await startWorld({}, server);
    const results = await Promise.allSettled(Array.from({ length: 1_001 }, (_, i) => client.getUser(`user-${i}`)));
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBe(999);
    expect(results.at(-1)).toMatchObject({ reason: { reason: 'TOO_MANY_USERS' } });
    await advance(1);
    expect(server.watch.request.userKeys.length).toBe(1_000);
  });

  it('stops watching a user that is unsubscribed', async () => {
    const { client, seen } = await startWorld({}, server);
    const [user1] = await Promise.all([client.getUser('user-1'), client.getUser('user-2')]);
    await advance(1);
    await user1.unsubscribe();
    await user1.unsubscribe();
    server.watch.update(user('user-1', { isOnline: true, revision: 11n }), UpdateReason.REACHABILITY_ONLINE);
    await advance(1);
    expect(server.watch.request.userKeys).toEqual(['ada', 'user-2']);
    expect([user1.isSubscribed, user1.isOnline, seen.updates]).toEqual([false, false, []]);
    expect(seen.others.at(-1)).toBe('unsubscribed user-1');
    expect(await client.getUser('user-1')).not.toBe(user1);
  });

  it('lets a snapshot arrive, however often users are subscribed meanwhile', async () => {
    const { client } = await startWorld({}, server);
    server.answersWatches = false;
    for (let i = 0; i < 10; i++) {
      await client.getUser(`user-${i}`);
      await advance(1);
    }
    expect(server.watches.length).toBe(2);
    server.watch.snapshot(server.known(server.watch.request.userKeys));
    await settle();
    expect(server.watches.length).toBe(3);
    expect(server.watch.request.userKeys.length).toBe(11);
  });

  it('does not delay the updates of a user while others are subscribed without a pause', async () => {
    const { client, seen } = await startWorld({}, server);
    await client.getUser('user-0');
    for (let i = 1; i <= 100; i++) {
      await client.getUser(`user-${i}`);
      await advance(0.1);
      if (i === 3) server.users.set('user-0', user('user-0', { isOnline: true, revision: 11n }));
      if (i === 8) expect(seen.updates).toEqual(['user-0: reachabilityOnline, online']);
    }
    // The first, then after 0.25, 0.5, 1 and 2 s, and each 2 s from then on.
    expect(server.watches.length).toBe(8);
    await advance(2);
    expect(server.watch.request.userKeys.length).toBe(102);
    await advance(10);
    await client.getUser('user-101');
    await advance(0.25);
    expect(server.watch.request.userKeys.length).toBe(103);
  });

  it('keeps the state of a user that was subscribed again while an older snapshot was on its way', async () => {
    const { client, seen } = await startWorld({}, server);
    const first = await client.getUser('user-1');
    server.answersWatches = false;
    await advance(0.25);
    await first.unsubscribe();
    server.users.set('user-1', user('user-1', { isOnline: true, revision: 20n }));
    const second = await client.getUser('user-1');
    server.watch.snapshot([user('ada', { isOnline: true }), user('user-1', { isOnline: false, friendlyName: 'Older' })]);
    await settle();
    expect([second.isOnline, second.friendlyName, first.friendlyName, seen.updates]).toEqual([true, '', '', []]);
  });

  it('takes a snapshot when the users are others, even if they are as many', async () => {
    const { client } = await startWorld({}, server);
    const user1 = await client.getUser('user-1');
    await advance(1);
    await user1.unsubscribe();
    await client.getUser('user-1');
    await advance(1);
    expect(server.watch.request.resumeToken).toBe('');
  });
});
