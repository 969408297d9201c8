import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UpdateReason } from '../../src/gen/presence/v1/user_pb.js';
import { FakeServer, type FakeWatch, type UserInit } from '../support/fake-server.js';
import { type World, ada, advance, settle, startWorld, textOf, user } from '../support/world.js';

const { ATTRIBUTES, CREATED, DELETED, FRIENDLY_NAME, REACHABILITY_NOTIFIABLE, REACHABILITY_ONLINE, ROLE } = UpdateReason;
const bob = user('bob', { isOnline: false, isNotifiable: true, friendlyName: 'Bob', attributes: '{"team":"red"}' });
const eve = user('eve', { isOnline: true });

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

/** A client that watches bob and eve. */
async function watchBoth(): Promise<World> {
  const server = new FakeServer();
  for (const each of [bob, eve]) server.users.set(each.identity, each);
  const world = await startWorld({}, server);
  await Promise.all([world.client.getUser('bob'), world.client.getUser('eve')]);
  await advance(1);
  return world;
}

/** The watch after the connection was lost, which the test answers. */
async function reconnected({ server }: World): Promise<FakeWatch> {
  server.answersWatches = false;
  server.watch.fail(new ConnectError('lost', Code.Unavailable));
  await advance(2);
  return server.watch;
}

describe('Whole', () => {
  it('takes over a snapshot when it is complete, and not before', async () => {
    const world = await watchBoth();
    const [own, bobs, eves] = await world.client.getSubscribedUsers();
    const watch = await reconnected(world);
    watch.configure(false).reset().updates([{ user: { ...bob, isOnline: true, revision: 20n }, updateReasons: [] }]);
    await settle();
    expect([own!.isOnline, bobs!.isOnline, eves!.isOnline, world.client.reachabilityEnabled]).toEqual([true, false, true, true]);
    expect(world.seen.updates).toEqual([]);
    watch.updates([{ user: { ...ada, revision: 21n }, updateReasons: [] }]);
    watch.updates([{ user: { ...eve, isOnline: false, revision: 22n }, updateReasons: [] }]).sync();
    await settle();
    expect([own!.isOnline, bobs!.isOnline, eves!.isOnline, world.client.reachabilityEnabled]).toEqual([true, true, false, false]);
    expect(world.seen.updates).toEqual(['bob: reachabilityOnline, online', 'eve: reachabilityOnline, online']);
  });

  it('forgets a snapshot that was interrupted', async () => {
    const world = await watchBoth();
    const watch = await reconnected(world);
    watch.configure().reset().updates([{ user: { ...bob, isOnline: true, revision: 20n }, updateReasons: [] }]);
    watch.fail(new ConnectError('lost', Code.Unavailable));
    await advance(4);
    world.server.watch.snapshot([ada, bob, eve]);
    await settle();
    expect([world.seen.updates, (await world.client.getUser('bob')).isOnline]).toEqual([[], false]);
  });

  it('has all states of a message in place before it raises the first update', async () => {
    const { server, client } = await watchBoth();
    const [, bobs, eves] = await client.getSubscribedUsers();
    const seen: (boolean | null)[][] = [];
    for (const each of [bobs!, eves!]) each.on('updated', () => seen.push([bobs!.isOnline, eves!.isOnline]));
    server.watch.updates([
      { user: { ...bob, isOnline: true, revision: 20n }, updateReasons: [REACHABILITY_ONLINE] },
      { user: { ...eve, isOnline: false, revision: 21n }, updateReasons: [REACHABILITY_ONLINE] },
    ]);
    await settle();
    expect(seen).toEqual([[true, false], [true, false]]);
  });
});

describe('Exact', () => {
  it('raises what the server names, to the user first and then to the client', async () => {
    const { server, client, seen } = await watchBoth();
    const bobs = await client.getUser('bob');
    bobs.on('updated', (update) => seen.updates.push(`own listener of ${textOf(update)}`));
    const after = { ...bob, friendlyName: 'Robert', attributes: '{"team":"blue"}', roleSid: 'RL1', revision: 20n };
    delete after.isNotifiable;
    server.watch.update(after, FRIENDLY_NAME, ATTRIBUTES, ROLE, REACHABILITY_NOTIFIABLE);
    await settle();
    const reasons = ['friendlyName', 'attributes', 'role', 'reachabilityNotifiable'];
    expect(seen.updates).toEqual([`own listener of bob: ${reasons.join(', ')}`, `bob: ${reasons.join(', ')}`]);
    expect([bobs.friendlyName, bobs.attributes, bobs.roleSid, bobs.isNotifiable]).toEqual(['Robert', { team: 'blue' }, 'RL1', null]);
  });

  it('raises after a reset only what differs', async () => {
    const world = await watchBoth();
    const watch = await reconnected(world);
    watch.snapshot([{ ...ada, revision: 3n }, { ...bob, friendlyName: 'Robert', revision: 4n }, { ...eve, revision: 5n }]);
    await settle();
    expect(world.seen.updates).toEqual(['bob: friendlyName']);
  });

  it('raises after a reset that a user was online meanwhile, which is offline again', async () => {
    const world = await watchBoth();
    const bobs = await world.client.getUser('bob');
    (await reconnected(world)).snapshot([ada, { ...bob, lastOnlineTime: timestampFromMs(1_000_000), revision: 20n }, eve]);
    await settle();
    expect([world.seen.updates, bobs.lastOnlineTime]).toEqual([['bob: reachabilityOnline, online'], new Date(1_000_000)]);
    (await reconnected(world)).snapshot([ada, { ...bob, lastOnlineTime: timestampFromMs(1_000_000), revision: 20n }, eve]);
    await settle();
    expect(world.seen.updates.length).toBe(1);
    (await reconnected(world)).configure()
      .update({ ...bob, lastOnlineTime: timestampFromMs(2_000_000), revision: 21n }, REACHABILITY_ONLINE).sync();
    await settle();
    expect([world.seen.updates.length, bobs.lastOnlineTime]).toEqual([2, new Date(2_000_000)]);
  });

  it('raises a user that is gone after a reset, and the same identity when it is back', async () => {
    const world = await watchBoth();
    const bobs = await world.client.getUser('bob');
    (await reconnected(world)).snapshot([ada, eve]);
    await settle();
    expect(world.seen.updates).toEqual(['bob: deleted, reachabilityOnline, online, reachabilityNotifiable']);
    expect([bobs.sid, bobs.isOnline, bobs.friendlyName, bobs.isSubscribed]).toEqual(['', null, 'Bob', true]);
    world.server.watch.update({ ...bob, sid: 'US-new', isOnline: true, revision: 30n }, CREATED, REACHABILITY_ONLINE);
    await settle();
    expect(world.seen.updates.slice(1)).toEqual(['bob: created, reachabilityOnline, online']);
    expect([bobs.sid, bobs.isOnline]).toEqual(['US-new', true]);
  });

  it('raises a deletion', async () => {
    const { server, client, seen } = await watchBoth();
    server.watch.update({ sid: bob.sid!, identity: 'bob', revision: 20n }, DELETED);
    await settle();
    expect([seen.updates, (await client.getUser('bob')).isOnline]).toEqual([['bob: deleted'], null]);
  });

  it('raises nothing for what a resume repeats', async () => {
    const world = await watchBoth();
    const changed = { ...bob, isOnline: true, revision: 20n };
    world.server.watch.update(changed, REACHABILITY_ONLINE);
    await settle();
    (await reconnected(world)).configure().update(changed, REACHABILITY_ONLINE).sync();
    await settle();
    expect(world.seen.updates).toEqual(['bob: reachabilityOnline, online']);
  });

  it('raises only the new reason when a resume repeats an old one beside it', async () => {
    const world = await watchBoth();
    const changed: UserInit = { ...bob, isOnline: true, revision: 20n };
    world.server.watch.update(changed, REACHABILITY_ONLINE);
    await settle();
    const watch = await reconnected(world);
    watch.configure().update({ ...changed, friendlyName: 'Robert', revision: 21n }, REACHABILITY_ONLINE, FRIENDLY_NAME).sync();
    await settle();
    expect(world.seen.updates).toEqual(['bob: reachabilityOnline, online', 'bob: friendlyName']);
  });

  it('raises a change that was undone meanwhile, because the server names it', async () => {
    const world = await watchBoth();
    world.server.watch.update({ ...bob, revision: 20n }, REACHABILITY_ONLINE);
    (await reconnected(world)).configure().update({ ...eve, revision: 21n }, REACHABILITY_ONLINE).sync();
    await settle();
    expect(world.seen.updates).toEqual(['bob: reachabilityOnline, online', 'eve: reachabilityOnline, online']);
  });

  it('ignores a state that is older than the known one', async () => {
    const { server, client, seen } = await watchBoth();
    server.watch.update({ ...bob, isOnline: true, revision: 9n }, REACHABILITY_ONLINE);
    await settle();
    expect([seen.updates, (await client.getUser('bob')).isOnline]).toEqual([[], false]);
  });

  it('takes over another state of the same revision: a switch of reachability touches no user', async () => {
    const { server, client, seen } = await watchBoth();
    const after = { ...bob };
    delete after.isOnline;
    delete after.isNotifiable;
    server.watch.configure(false).update(after, REACHABILITY_ONLINE, REACHABILITY_NOTIFIABLE);
    await settle();
    expect([client.reachabilityEnabled, (await client.getUser('bob')).isOnline]).toEqual([false, null]);
    expect(seen.updates).toEqual(['bob: reachabilityOnline, online, reachabilityNotifiable']);
  });

  it('takes over the state of a reason that it does not know', async () => {
    const { server, client, seen } = await watchBoth();
    server.watch.update({ ...bob, friendlyName: 'Robert', revision: 20n }, 99 as UpdateReason);
    await settle();
    expect([seen.updates, (await client.getUser('bob')).friendlyName]).toEqual([[], 'Robert']);
  });
});

describe('Isolated', () => {
  it('goes on when a listener throws, and reports the exception', async () => {
    const { server, client, seen } = await watchBoth();
    const bobs = await client.getUser('bob');
    bobs.on('updated', () => { throw new Error('of the page'); });
    server.watch.update({ ...bob, isOnline: true, revision: 20n }, REACHABILITY_ONLINE);
    await expect(settle()).rejects.toThrow('of the page');
    await settle();
    expect([seen.updates, server.watch.isOpen, bobs.isOnline]).toEqual([['bob: reachabilityOnline, online'], true, true]);
  });

  it('raises nothing for a user that a listener of the same message unsubscribed', async () => {
    const { server, client, seen } = await watchBoth();
    const [bobs, eves] = await Promise.all([client.getUser('bob'), client.getUser('eve')]);
    bobs.on('updated', () => void eves.unsubscribe());
    server.watch.updates([
      { user: { ...bob, isOnline: true, revision: 20n }, updateReasons: [REACHABILITY_ONLINE] },
      { user: { ...eve, isOnline: false, revision: 21n }, updateReasons: [REACHABILITY_ONLINE] },
    ]);
    await settle();
    expect(seen.updates).toEqual(['bob: reachabilityOnline, online']);
  });

  it('gives each listener reasons of its own', async () => {
    const { server, client, seen } = await watchBoth();
    (await client.getUser('bob')).on('updated', ({ updateReasons }) => { updateReasons.length = 0; });
    server.watch.update({ ...bob, isOnline: true, revision: 20n }, REACHABILITY_ONLINE);
    await settle();
    expect(seen.updates).toEqual(['bob: reachabilityOnline, online']);
  });
});
