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

  it.each(['ACCESS_TOKEN_MALFORMED', 'ACCESS_TOKEN_SIGNATURE_INVALID', 'ACCESS_TOKEN_ISSUER_REFUSED', 'API_KEY_REVOKED'])(
    'fails when the server rejects two tokens of the function in a row: %s', async (reason) => {
      const server = new FakeServer();
      server.rejectHeartbeat = () => rejection(Code.Unauthenticated, reason);
      let jti = 0;
      const ask = vi.fn(() => accessToken('ada', { jti: `${++jti}` }));
      const { client, seen } = createWorld({ token: ask }, server);
      await settle();
      expect([seen.states, seen.connectionStates, seen.errors]).toEqual([['failed'], ['denied'], [reason, `${reason} (terminal)`]]);
      await expect(client.getUser('bob')).rejects.toMatchObject({ reason });
      await advance(600);
      expect(server.beats.length).toBe(2);
    });

  it('fails when the function returns the rejected token again', async () => {
    const server = new FakeServer();
    server.rejectHeartbeat = () => rejection(Code.Unauthenticated, 'ACCESS_TOKEN_MALFORMED');
    const { seen } = createWorld({ token: () => 'garbage', identity: 'ada' }, server);
    await advance(2);
    expect([seen.states, server.beats.length]).toEqual([['failed'], 2]);
  });

  it('gets a better token of the function, in place of one that it kept for too long', async () => {
    const server = new FakeServer();
    const old = accessToken('ada', { jti: 'old' });
    const revoked = rejection(Code.Unauthenticated, 'API_KEY_REVOKED');
    server.rejectHeartbeat = (authorization) => (authorization === `Bearer ${old}` ? revoked : undefined);
    const ask = vi.fn(() => accessToken('ada', { jti: 'new' })).mockReturnValueOnce(old);
    const { seen } = createWorld({ token: ask }, server);
    await settle();
    expect(seen.states).toEqual(['initialized']);
  });

  it('waits for a function whose tokens have expired', async () => {
    const server = new FakeServer();
    server.rejectHeartbeat = () => rejection(Code.Unauthenticated, 'ACCESS_TOKEN_EXPIRED');
    let jti = 0;
    const { seen } = createWorld({ token: () => accessToken('ada', { jti: `${++jti}` }) }, server);
    await advance(60);
    expect([seen.states, server.beats.length > 3]).toEqual([[], true]);
    server.rejectHeartbeat = () => undefined;
    await advance(30);
    expect(seen.states).toEqual(['initialized']);
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
