import { Code, ConnectError } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type FakeServer, rejection } from '../support/fake-server.js';
import { advance, startWorld } from '../support/world.js';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0); // the latest beat that the spread allows
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** The pauses between the heartbeats so far, in seconds. */
function pauses({ beats }: FakeServer): number[] {
  return beats.slice(1).map(({ at }, i) => (at - beats[i]!.at) / 1_000);
}

const sessionsOf = ({ beats }: FakeServer) => new Set(beats.map(({ request }) => request.sessionId));

describe('Online', () => {
  it('beats at the pace of the server, with one session', async () => {
    const { server } = await startWorld();
    await advance(90);
    expect(pauses(server)).toEqual([30, 30, 30]);
    expect(sessionsOf(server).size).toBe(1);
    expect(server.beats[0]!.request.sessionId).toMatch(/^[0-9a-f]{32}$/);
  });

  it('follows a pace that changes', async () => {
    const { server } = await startWorld();
    server.pace = { heartbeatInterval: { seconds: 5n }, sessionTimeout: { seconds: 20n } };
    await advance(40);
    expect(pauses(server)).toEqual([30, 5, 5]);
  });

  it('spreads its beats, and is never late', async () => {
    vi.spyOn(Math, 'random').mockReturnValue(1);
    const { server } = await startWorld();
    await advance(27);
    expect(pauses(server)).toEqual([27]);
  });

  it('counts from the moment of sending on a clock that never steps', async () => {
    const { server } = await startWorld();
    vi.setSystemTime(Date.now() - 86_400_000);
    await advance(30);
    expect(pauses(server)).toEqual([30]);
  });

  it('counts from the moment of sending, however long the answer takes', async () => {
    const { server } = await startWorld();
    server.heartbeatMs = 8_000;
    await advance(90);
    expect(pauses(server)).toEqual([30, 30, 30]);
  });

  it('never beats more than once a second, whatever the server replies', async () => {
    const { server } = await startWorld();
    server.pace = {};
    await advance(33);
    expect(pauses(server)).toEqual([30, 1, 1, 1]);
  });

  it('repeats a lost beat with the same session, well within the lease', async () => {
    const { server, seen } = await startWorld();
    server.rejectHeartbeat = () => rejection(Code.Unavailable, 'STORAGE_UNAVAILABLE');
    await advance(30);
    server.rejectHeartbeat = () => undefined;
    await advance(31);
    expect(pauses(server)).toEqual([30, 1, 30]);
    expect([sessionsOf(server).size, seen.errors]).toEqual([1, ['STORAGE_UNAVAILABLE']]);
  });

  it('beats at least as often as usual while beats are lost, so that a short outage does not outlast a short lease', async () => {
    const { server } = await startWorld();
    server.pace = { heartbeatInterval: { seconds: 5n }, sessionTimeout: { seconds: 20n } };
    await advance(30);
    server.rejectHeartbeat = () => rejection(Code.Unavailable, 'STORAGE_UNAVAILABLE');
    vi.spyOn(Math, 'random').mockReturnValue(1);
    await advance(35);
    expect(pauses(server)).toEqual([30, 5, 2, 4, 5, 5, 5, 5]);
  });

  it('repeats a beat that is not answered after 10 s', async () => {
    const { server } = await startWorld();
    server.rejectHeartbeat = () => rejection(Code.DeadlineExceeded, '');
    await advance(30);
    expect(server.beats.length).toBe(2);
    server.rejectHeartbeat = () => undefined;
    await advance(2);
    expect(server.beats.length).toBe(3);
  });

  it('begins another session at once when the server ended the one it had', async () => {
    const { server, seen } = await startWorld();
    const [first] = sessionsOf(server);
    server.rejectHeartbeat = () => rejection(Code.FailedPrecondition, 'SESSION_ENDED');
    await advance(30);
    expect([...sessionsOf(server)].length).toBe(2);
    server.rejectHeartbeat = () => undefined;
    await advance(30);
    expect(sessionsOf(server).size).toBe(3);
    expect(server.beats.at(-1)!.request.sessionId).not.toBe(first);
    expect(seen.states).toEqual(['initialized']);
  });

  it.each([[Code.FailedPrecondition, 'SESSION_ENDED'], [Code.PermissionDenied, 'PERMISSION_DENIED'], [Code.PermissionDenied, undefined]])(
    'repeats a beat with the same session after status %d with %s that is not of the server', async (code, reason) => {
      const { server } = await startWorld();
      server.rejectHeartbeat = () => (reason ? rejection(code, reason, undefined, 'proxy.example') : new ConnectError('HTTP 403', code));
      await advance(30);
      server.rejectHeartbeat = () => undefined;
      await advance(31);
      expect([pauses(server), sessionsOf(server).size]).toEqual([[30, 1, 30], 1]);
    },
  );

  it('stops when the server says that no beat can succeed', async () => {
    const { server, seen } = await startWorld();
    server.rejectHeartbeat = () => rejection(Code.PermissionDenied, 'PERMISSION_DENIED');
    await advance(300);
    expect([server.beats.length, server.watch.isOpen, seen.connectionStates]).toEqual([2, false, ['connected', 'denied']]);
  });
});

describe('Gone', () => {
  it('ends its session, its watch and its timers at shutdown', async () => {
    const { server, client, seen } = await startWorld();
    await client.shutdown();
    expect(server.ended.map(({ userKey, sessionId }) => [userKey, sessionId])).toEqual([['ada', server.beats[0]!.request.sessionId]]);
    await advance(300);
    expect([server.beats.length, server.watches.length, server.watch.isOpen, vi.getTimerCount()]).toEqual([1, 1, false, 0]);
    expect(seen.connectionStates).toEqual(['connected', 'disconnecting', 'disconnected']);
    await expect(client.getUser('bob')).rejects.toMatchObject({ reason: 'CLIENT_STOPPED' });
  });
});
