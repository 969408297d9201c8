import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UpdateReason } from '../../src/gen/presence/v1/user_pb.js';
import { FakeServer, rejection } from '../support/fake-server.js';
import { ada, advance, settle, startWorld, user } from '../support/world.js';

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const lost = () => new ConnectError('connection lost', Code.Unavailable);

describe('Resumed', () => {
  it.each([
    ['the server stops', rejection(Code.Unavailable, 'SERVER_STOPPING', 1)],
    ['the watch reaches its age limit', rejection(Code.Unavailable, 'STREAM_MAX_AGE', 1)],
    ['the client did not read', rejection(Code.Unavailable, 'WATCH_STALLED', 1)],
    ['the connection is lost', lost()],
    ['the connection breaks', new ConnectError('protocol error', Code.Internal)],
    ['the browser reports a network error', new ConnectError('network error', Code.Unknown)],
    ['the server fails', rejection(Code.Internal, 'INTERNAL')],
    ['the watch is cancelled from outside', new ConnectError('canceled', Code.Canceled)],
    ['a proxy knows no such method', new ConnectError('HTTP 404', Code.Unimplemented)],
    ['a quota is exceeded', rejection(Code.ResourceExhausted, 'QUOTA_EXCEEDED', 1)],
  ])('continues from the last token when %s', async (_, error) => {
    const { server, seen } = await startWorld();
    server.watch.updates([], 'the last token').fail(error);
    await advance(2);
    expect(server.watches.map(({ request }) => request.resumeToken)).toEqual(['', 'the last token']);
    expect(seen.connectionStates).toEqual(['connected', 'disconnected', 'connecting', 'connected']);
    expect(seen.updates).toEqual([]);
  });

  it('continues for as long as it takes', async () => {
    const { server, seen } = await startWorld();
    server.watch.fail(lost());
    server.rejectWatch = lost;
    await advance(7_200);
    expect(server.watches.length).toBeGreaterThan(7_200 / 30);
    server.rejectWatch = () => undefined;
    await advance(30);
    expect([server.watch.isOpen, server.watch.request.resumeToken, seen.connectionStates.at(-1)]).toEqual([true, 'token-1', 'connected']);
  });

  it('brings what was missed', async () => {
    const { server, seen, client } = await startWorld();
    server.answersWatches = false;
    server.watch.fail(lost());
    await advance(2);
    server.watch.configure().update({ ...ada, isOnline: false, revision: 11n }, UpdateReason.REACHABILITY_ONLINE).sync('token-2');
    await settle();
    expect([seen.updates, client.user.isOnline]).toEqual([['ada: reachabilityOnline, online'], false]);
  });

  it('notices a connection that says nothing for 40 s', async () => {
    const silent = new FakeServer();
    silent.sendsProgress = false;
    const { server, seen } = await startWorld({}, silent);
    await advance(39);
    server.watch.send({ case: 'progress', value: {} }, 'token of the progress');
    await advance(39);
    expect(server.watches.length).toBe(1);
    await advance(1);
    expect([server.watches.length, server.watches[0]!.isOpen]).toEqual([2, false]);
    expect(server.watch.request.resumeToken).toBe('token of the progress');
    expect(seen.connectionStates).toEqual(['connected', 'connecting', 'connected']);
  });

  it('gives up a watch that does not begin', async () => {
    const { server } = await startWorld();
    server.answersWatches = server.sendsProgress = false;
    server.watch.fail(lost());
    await advance(42);
    expect([server.watches.length, server.watches[1]!.isOpen]).toEqual([3, false]);
  });

  it('begins without a token when the server does not accept it', async () => {
    const { server, seen } = await startWorld();
    server.watch.fail(rejection(Code.InvalidArgument, 'RESUME_TOKEN_INVALID'));
    await settle();
    expect(server.watches.map(({ request }) => request.resumeToken)).toEqual(['', '']);
    expect([seen.connectionStates.at(-1), seen.updates]).toEqual(['connected', []]);
  });

  it('begins without a token when a snapshot was interrupted', async () => {
    const { server } = await startWorld();
    server.watch.reset().updates([{ user: user('ada'), updateReasons: [] }]).fail(lost());
    await advance(2);
    expect(server.watch.request.resumeToken).toBe('');
  });

  it('ends when the service instance is deleted', async () => {
    const { server, seen } = await startWorld();
    server.watch.fail(rejection(Code.NotFound, 'SERVICE_INSTANCE_NOT_FOUND'));
    await advance(600);
    expect([server.watches.length, server.beats.length, seen.errors]).toEqual([1, 1, ['SERVICE_INSTANCE_NOT_FOUND (terminal)']]);
    expect(seen.connectionStates).toEqual(['connected', 'denied']);
  });
});

describe('Patient', () => {
  /** When the watch was opened again after each of so many failures, in seconds after the failure. */
  async function delaysAfter(failures: number, error: () => ConnectError, random: number): Promise<number[]> {
    vi.spyOn(Math, 'random').mockReturnValue(random);
    const { server } = await startWorld();
    server.rejectWatch = error;
    server.watch.fail(error());
    const delays: number[] = [];
    for (let i = 0; i < failures; i++) {
      const { length } = server.watches;
      let seconds = 0;
      for (; server.watches.length === length && seconds < 100; seconds += 0.5) await advance(0.5);
      delays.push(seconds);
    }
    return delays;
  }

  it('waits longer after each failure, up to 30 s', async () => {
    expect(await delaysAfter(7, lost, 1)).toEqual([2, 4, 8, 16, 30, 30, 30]);
  });

  it('shortens each delay by a random part, down to a half', async () => {
    expect(await delaysAfter(6, lost, 0)).toEqual([1, 2, 4, 8, 15, 15]);
  });

  it('waits at least as long as the server asks, and does not return with all others', async () => {
    const busy = () => rejection(Code.Unavailable, 'SERVER_STOPPING', 20);
    expect(await delaysAfter(2, busy, 0)).toEqual([20, 20]);
    expect(await delaysAfter(2, busy, 1)).toEqual([40, 40]);
  });

  it('waits at most a day, or two with the random part, whatever the server asks', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const { server } = await startWorld();
    server.rejectHeartbeat = () => rejection(Code.Unavailable, 'STORAGE_UNAVAILABLE', 315_576_000_000);
    await advance(30);
    const { length } = server.beats;
    vi.setSystemTime(Date.now() + 86_300_000);
    await advance(50);
    expect(server.beats.length).toBe(length);
    await advance(100);
    expect(server.beats.length).toBe(length + 1);
  });

  it('begins with the shortest delay after each success', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const { server } = await startWorld();
    for (let i = 0; i < 5; i++) {
      server.watch.fail(lost());
      await advance(1);
    }
    expect(server.watches.length).toBe(6);
  });

  it('does not repeat at once what has just failed to help', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(0);
    const { server } = await startWorld();
    server.rejectWatch = () => rejection(Code.InvalidArgument, 'RESUME_TOKEN_INVALID');
    server.watch.fail(rejection(Code.InvalidArgument, 'RESUME_TOKEN_INVALID'));
    await advance(1.5);
    expect(server.watches.length).toBe(2);
  });
});
