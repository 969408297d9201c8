import { Code } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeServer, SERVICE_SID, rejection } from '../support/fake-server.js';
import { accessToken, advance, createWorld, settle, startWorld } from '../support/world.js';

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

describe('Initialized', () => {
  it('means that the own user is online and known', async () => {
    const { server, client, seen } = createWorld();
    expect(() => client.user).toThrow(expect.objectContaining({ reason: 'NOT_INITIALIZED' }));
    await settle();
    expect(seen.states).toEqual(['initialized']);
    expect(seen.connectionStates).toEqual(['connected']);
    expect(server.beats.map(({ request }) => [request.serviceSid, request.userKey])).toEqual([[SERVICE_SID, 'ada']]);
    expect([client.user.identity, client.user.isOnline, client.user.isNotifiable]).toEqual(['ada', true, null]);
    expect([client.reachabilityEnabled, client.connectionState]).toEqual([true, 'connected']);
  });

  it('waits for the snapshot and for the answer to the first heartbeat', async () => {
    const server = new FakeServer();
    server.answersWatches = false;
    server.rejectHeartbeat = () => rejection(Code.Unavailable, 'STORAGE_UNAVAILABLE');
    const { seen } = createWorld({}, server);
    await settle();
    expect([server.beats.length, server.watches.length]).toEqual([1, 0]);
    server.rejectHeartbeat = () => undefined;
    await advance(2);
    server.watch.configure().reset();
    await settle();
    expect(seen.states).toEqual([]);
    server.watch.sync();
    await settle();
    expect(seen.states).toEqual(['initialized']);
  });

  it('takes the own user from the access token', async () => {
    const token = accessToken('ada');
    const { server } = await startWorld({ token });
    expect(server.beats[0]!.request.userKey).toBe('ada');
    expect([server.beats[0]!.authorization, server.watch.authorization]).toEqual([`Bearer ${token}`, `Bearer ${token}`]);
  });

  it('fails without an identity', async () => {
    const { seen } = createWorld({ token: 'not an access token' });
    await settle();
    expect(seen.states).toEqual(['failed']);
  });

  it('fails with the reason when the server rejects the service instance, and calls nothing more', async () => {
    const server = new FakeServer();
    server.rejectHeartbeat = () => rejection(Code.NotFound, 'SERVICE_INSTANCE_NOT_FOUND');
    const { client, seen } = createWorld({}, server);
    const failed = vi.fn();
    client.on('initFailed', failed);
    await advance(600);
    expect(failed.mock.calls[0]![0].error).toMatchObject({ name: 'PresenceError', reason: 'SERVICE_INSTANCE_NOT_FOUND' });
    expect([seen.states, seen.errors, server.beats.length]).toEqual([['failed'], ['SERVICE_INSTANCE_NOT_FOUND (terminal)'], 1]);
    await expect(client.getUser('bob')).rejects.toMatchObject({ reason: 'SERVICE_INSTANCE_NOT_FOUND' });
  });

  it('fails when the token that was passed is not valid', async () => {
    const server = new FakeServer();
    server.rejectHeartbeat = () => rejection(Code.Unauthenticated, 'ACCESS_TOKEN_SIGNATURE_INVALID');
    const { seen } = createWorld({ token: accessToken('ada') }, server);
    await settle();
    expect([seen.states, seen.connectionStates]).toEqual([['failed'], ['denied']]);
  });

  it('waits for a server that is not there yet', async () => {
    const server = new FakeServer();
    server.rejectHeartbeat = () => rejection(Code.Unavailable, 'SERVER_STOPPING');
    const { seen } = createWorld({}, server);
    await advance(100);
    expect(seen.states).toEqual([]);
    server.rejectHeartbeat = () => undefined;
    await advance(30);
    expect(seen.states).toEqual(['initialized']);
  });
});
