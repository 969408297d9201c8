import { Code } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeServer, rejection } from '../support/fake-server.js';
import { accessToken, advance, createWorld, settle, startWorld } from '../support/world.js';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A provider whose tokens are valid for an hour, and all that it returned. */
function provider(lifetime = 3_600) {
  const tokens: string[] = [];
  return { tokens, ask: vi.fn(async () => tokens[tokens.push(accessToken('ada', { lifetime, jti: `${tokens.length}` })) - 1]!) };
}

const expired = () => rejection(Code.Unauthenticated, 'ACCESS_TOKEN_EXPIRED');

describe('Renewed', () => {
  it('asks the provider once at the start, and again three minutes before the token expires', async () => {
    const { ask, tokens } = provider();
    const { server, seen } = await startWorld({ token: ask });
    await advance(3_600 - 181);
    expect(ask).toHaveBeenCalledTimes(1);
    await advance(1);
    expect(ask).toHaveBeenCalledTimes(2);
    expect(server.watch.authorization).toBe(`Bearer ${tokens[1]}`);
    expect([server.watch.request.resumeToken, seen.connectionStates]).toEqual(['token-1', ['connected']]);
    await advance(30);
    expect(server.beats.at(-1)!.authorization).toBe(`Bearer ${tokens[1]}`);
    expect([seen.others, seen.errors]).toEqual([[], []]);
  });

  it('asks earlier in a short life, for as long as the client runs', async () => {
    const { ask } = provider(60);
    await startWorld({ token: ask });
    await advance(450);
    expect(ask).toHaveBeenCalledTimes(11);
  });

  it('asks again while the provider fails, and says that the token is about to expire', async () => {
    const { ask } = provider();
    const { seen } = await startWorld({ token: ask });
    ask.mockRejectedValueOnce(new Error('offline')).mockRejectedValueOnce(new Error('offline'));
    await advance(3_600 - 180 + 10);
    expect(ask).toHaveBeenCalledTimes(4);
    expect([seen.others, seen.errors]).toEqual([['tokenAboutToExpire'], ['TOKEN_PROVIDER_FAILED', 'TOKEN_PROVIDER_FAILED']]);
  });

  it('waits for a provider that fails at the start', async () => {
    const { ask } = provider();
    ask.mockRejectedValueOnce(new Error('offline'));
    const { seen } = createWorld({ token: ask });
    await advance(1);
    expect([seen.states, seen.errors]).toEqual([['initialized'], ['TOKEN_PROVIDER_FAILED']]);
  });

  it.each([undefined, null, { token: 'text' }])('does not take %j for a token', async (wrong) => {
    const { ask } = provider();
    ask.mockResolvedValueOnce(wrong as unknown as string);
    const { seen } = createWorld({ token: ask });
    await advance(1);
    expect([seen.states, seen.errors]).toEqual([['initialized'], ['TOKEN_PROVIDER_FAILED']]);
  });

  it('asks the provider once when the server rejects the token of several calls, and goes on at once', async () => {
    const { ask, tokens } = provider();
    const { server, seen } = await startWorld({ token: ask });
    server.rejectHeartbeat = server.rejectWatch = (authorization) => (authorization === `Bearer ${tokens[0]}` ? expired() : undefined);
    const next = accessToken('ada', { jti: 'next' });
    ask.mockImplementationOnce(() => new Promise((resolve) => { setTimeout(() => resolve(tokens[tokens.push(next) - 1]!), 1_000); }));
    await advance(29.5);
    server.watch.fail(expired());
    await advance(1.1);
    expect(ask).toHaveBeenCalledTimes(2);
    expect([server.beats.at(-1)!.authorization, server.watch.authorization]).toEqual([`Bearer ${tokens[1]}`, `Bearer ${tokens[1]}`]);
    expect([server.watch.isOpen, server.watch.request.resumeToken, seen.connectionStates.at(-1)]).toEqual([true, 'token-1', 'connected']);
  });

  it('waits between tokens when the server rejects each', async () => {
    const { ask } = provider();
    const { server } = await startWorld({ token: ask });
    server.rejectHeartbeat = server.rejectWatch = () => rejection(Code.Unauthenticated, 'API_KEY_REVOKED');
    server.watch.fail(rejection(Code.Unauthenticated, 'API_KEY_REVOKED'));
    await advance(600);
    expect(ask.mock.calls.length).toBeLessThan(100);
  });

  it('says that a token without a provider is about to expire, has expired, and uses the one that it gets', async () => {
    const token = accessToken('ada');
    const { server, client, seen } = await startWorld({ token });
    await advance(3_600 - 180);
    expect(seen.others).toEqual(['tokenAboutToExpire']);
    server.rejectHeartbeat = server.rejectWatch = (authorization) => (authorization === `Bearer ${token}` ? expired() : undefined);
    server.watch.fail(expired());
    await advance(300);
    expect([seen.others, seen.connectionStates.at(-1)]).toEqual([['tokenAboutToExpire', 'tokenExpired'], 'denied']);
    const { length } = server.beats;
    await advance(600);
    expect(server.beats.length).toBe(length);
    await client.updateToken(accessToken('ada', { jti: 'new' }));
    await settle();
    expect([server.watch.isOpen, server.watch.request.resumeToken, server.beats.length]).toEqual([true, 'token-1', length + 1]);
    expect(seen.connectionStates.at(-1)).toBe('connected');
  });

  it('resumes the watch with a token that it gets before the old one expires', async () => {
    const { server, client, seen } = await startWorld({ token: accessToken('ada') });
    const token = accessToken('ada', { jti: 'new' });
    await client.updateToken(token);
    await settle();
    const { authorization, request } = server.watch;
    expect([server.watches.length, authorization, request.resumeToken]).toEqual([2, `Bearer ${token}`, 'token-1']);
    expect(seen.connectionStates).toEqual(['connected']);
    await advance(3_600 - 181);
    expect(seen.others).toEqual([]);
  });

  it('rejects the token of another user', async () => {
    const { server, client } = await startWorld({ token: accessToken('ada') });
    await expect(client.updateToken(accessToken('eve'))).rejects.toMatchObject({ reason: 'IDENTITY_MISMATCH' });
    expect(server.watches.length).toBe(1);
  });

  it.each([-86_400, 86_400])('renews in time on a device whose clock is wrong by %d s', async (error) => {
    const iat = Math.floor(Date.now() / 1_000) + error;
    let jti = 0;
    const ask = vi.fn(() => accessToken('ada', { iat: iat + Math.floor(performance.now() / 1_000), jti: `${++jti}` }));
    await startWorld({ token: ask }, new FakeServer());
    await advance(3_600 - 181);
    expect(ask).toHaveBeenCalledTimes(1);
    await advance(1);
    expect(ask).toHaveBeenCalledTimes(2);
  });
});
