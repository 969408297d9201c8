import { Code, ConnectError } from '@connectrpc/connect';
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
    await advance(3_600 - 180);
    expect(ask).toHaveBeenCalledTimes(2);
    await advance(9);
    expect(ask).toHaveBeenCalledTimes(2);
    await advance(11);
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

  it.each([undefined, null, '', { token: 'text' }])('does not take %j for a token', async (wrong) => {
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

  it.each([
    ['a proxy that gives no reason', () => new ConnectError('HTTP 401', Code.Unauthenticated)],
    ['a proxy with a reason of its own', () => rejection(Code.Unauthenticated, 'CREDENTIALS_INVALID', undefined, 'proxy.example')],
    ['the server, because it is not valid yet', () => rejection(Code.Unauthenticated, 'ACCESS_TOKEN_NOT_YET_VALID')],
  ])('keeps a token that is rejected by %s, and tries it again after a delay', async (_, rejected) => {
    // A token that was passed as it is, before the client is initialized.
    const server = new FakeServer();
    server.rejectHeartbeat = rejected;
    const { seen } = createWorld({ token: accessToken('ada') }, server);
    await advance(0.9);
    expect(server.beats.length).toBe(1);
    await advance(0.1);
    expect(server.beats.length).toBe(2);
    server.rejectHeartbeat = () => undefined;
    await advance(2);
    expect([seen.states, seen.others, seen.connectionStates]).toEqual([['initialized'], [], ['connected']]);
    // A provider, while the client runs.
    const { ask } = provider();
    const running = await startWorld({ token: ask });
    running.server.watch.fail(rejected());
    await advance(1);
    expect([ask.mock.calls.length, running.server.watches.length, running.server.watch.isOpen]).toEqual([1, 2, true]);
  });

  it('tries a token again that the server rejected, after a delay, if the provider returns the same one', async () => {
    const token = accessToken('ada');
    const ask = vi.fn(async () => token);
    const { server, seen } = await startWorld({ token: ask });
    server.rejectWatch = server.rejectHeartbeat = () => rejection(Code.Unauthenticated, 'CREDENTIALS_INVALID');
    server.watch.fail(rejection(Code.Unauthenticated, 'CREDENTIALS_INVALID'));
    await advance(0.9);
    expect([ask.mock.calls.length, server.watches.length]).toEqual([2, 1]);
    await advance(0.1);
    expect(server.watches.length).toBe(2);
    await advance(299);
    expect(server.watches.length).toBeGreaterThan(10);
    expect(ask.mock.calls.length).toBeLessThanOrEqual(32);
    server.rejectWatch = server.rejectHeartbeat = () => undefined;
    await advance(40);
    expect([server.watch.isOpen, seen.connectionStates.at(-1), seen.states]).toEqual([true, 'connected', ['initialized']]);
    const { length } = server.beats;
    await advance(60);
    expect(server.beats.length - length).toBe(2);
    // Later it is renewed as any other, and asked for until there is another one.
    await advance(3_600 - 460);
    const next = accessToken('ada', { jti: 'next' });
    ask.mockResolvedValue(next);
    await advance(30);
    expect(server.watch.authorization).toBe(`Bearer ${next}`);
  });

  it('does not wait for a renewal, which insists on another token, when the server rejects the present one', async () => {
    const token = accessToken('ada', { lifetime: 600 });
    const ask = vi.fn(async () => token);
    const { server, seen } = await startWorld({ token: ask });
    await advance(455);
    expect([seen.errors.length > 0, seen.others]).toEqual([true, ['tokenAboutToExpire']]);
    server.watch.fail(rejection(Code.Unauthenticated, 'CREDENTIALS_INVALID'));
    await advance(31);
    expect(server.watch.isOpen).toBe(true);
    const next = accessToken('ada', { jti: 'next' });
    ask.mockResolvedValue(next);
    await advance(31);
    expect(server.watch.authorization).toBe(`Bearer ${next}`);
  });

  it('does not renew what it cannot date: a token without iat on a device whose clock is ahead', async () => {
    const ask = vi.fn(() => accessToken('ada', { iat: Math.floor(Date.now() / 1_000) - 86_400, hasIat: false, jti: `${Math.random()}` }));
    const { server, seen } = await startWorld({ token: ask });
    await advance(600);
    expect([ask.mock.calls.length, seen.others]).toEqual([1, []]);
    ask.mockReturnValue(accessToken('ada', { jti: 'next' }));
    server.watch.fail(expired());
    await settle();
    expect([ask.mock.calls.length, server.watch.isOpen, server.watches.length]).toEqual([2, true, 2]);
  });

  it.each([0, -60])('does not renew a token with a lifetime of %d s without a pause', async (lifetime) => {
    const { ask } = provider(lifetime);
    await startWorld({ token: ask });
    await advance(600);
    expect(ask).toHaveBeenCalledTimes(1);
  });

  it('renews a token that lives for longer than a timer can wait', async () => {
    const { ask } = provider(60 * 86_400);
    await startWorld({ token: ask });
    await advance(3_600);
    expect(ask).toHaveBeenCalledTimes(1);
    vi.setSystemTime(Date.now() + 60 * 86_400_000 - 3_600_000 - 185_000);
    await advance(4);
    expect(ask).toHaveBeenCalledTimes(1);
    await advance(10);
    expect(ask).toHaveBeenCalledTimes(2);
  });

  it('renews at most every 10 s, however short tokens live', async () => {
    const calls: number[] = [];
    await startWorld({ token: () => accessToken('ada', { lifetime: 2, jti: `${calls.push(performance.now() / 1_000)}` }) });
    await advance(100);
    expect(calls.slice(1).map((at, i) => at - calls[i]!)).toEqual(Array(10).fill(10));
  });

  it('asks about every 10 s at most, if the server ends each token soon after it was accepted', async () => {
    const { ask } = provider();
    const { server } = await startWorld({ token: ask });
    for (let i = 0; i < 100; i++) {
      if (server.watch.isOpen) server.watch.fail(expired());
      await advance(1);
    }
    expect(ask.mock.calls.length).toBeGreaterThan(5);
    expect(ask.mock.calls.length).toBeLessThanOrEqual(12);
  });

  it('asks again when the provider does not answer for 30 s', async () => {
    const { ask } = provider();
    ask.mockReturnValueOnce(new Promise(() => {}));
    const { seen } = createWorld({ token: ask });
    await advance(29);
    expect([seen.errors, seen.states]).toEqual([[], []]);
    await advance(2);
    expect([ask.mock.calls.length, seen.errors, seen.states]).toEqual([2, ['TOKEN_PROVIDER_FAILED'], ['initialized']]);
  });

  it('uses an answer that comes late', async () => {
    const { ask } = provider();
    const late = accessToken('ada', { jti: 'late' });
    ask.mockImplementationOnce(() => new Promise((resolve) => { setTimeout(() => resolve(late), 40_000); }));
    ask.mockReturnValue(new Promise(() => {}));
    const { server, seen } = createWorld({ token: ask });
    await advance(40);
    expect([seen.states, server.watch.authorization]).toEqual([['initialized'], `Bearer ${late}`]);
  });

  it('prefers the token of updateToken to an answer that comes later', async () => {
    const { ask } = provider();
    ask.mockImplementationOnce(() => new Promise((resolve) => { setTimeout(() => resolve(accessToken('ada', { jti: 'late' })), 20_000); }));
    const { server, client } = createWorld({ token: ask });
    const given = accessToken('ada', { jti: 'given' });
    await advance(1);
    await client.updateToken(given);
    await advance(60);
    expect(new Set(server.beats.map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${given}`]));
    expect([server.beats.length, ask.mock.calls.length]).toEqual([3, 1]);
  });

  it.each([
    ['has not answered', () => new Promise<string>(() => {})],
    ['has failed', async () => { throw new Error('offline'); }],
  ])('goes on at once with the token of updateToken while the provider %s', async (_, pending) => {
    const given = accessToken('ada', { jti: 'given' });
    // At the start.
    const first = createWorld({ token: pending });
    await advance(28);
    await first.client.updateToken(given);
    await settle();
    expect([first.seen.states, first.server.watch.authorization]).toEqual([['initialized'], `Bearer ${given}`]);
    await first.client.shutdown();
    // After the server rejected the token.
    const { ask, tokens } = provider();
    const { server, client, seen } = await startWorld({ token: ask });
    server.rejectHeartbeat = server.rejectWatch = (authorization) => (authorization === `Bearer ${tokens[0]}` ? expired() : undefined);
    ask.mockImplementation(pending);
    server.watch.fail(expired());
    await advance(45);
    const { length } = server.beats;
    await client.updateToken(given);
    await settle();
    expect([server.watch.isOpen, server.watch.authorization, seen.connectionStates.at(-1)]).toEqual([true, `Bearer ${given}`, 'connected']);
    expect([server.beats.length - length, server.beats.at(-1)!.authorization]).toEqual([1, `Bearer ${given}`]);
  });

  it('goes on at once with the token of updateToken while it waits, because the server rejected several', async () => {
    const { ask } = provider();
    const { server, client, seen } = await startWorld({ token: ask });
    const given = accessToken('ada', { jti: 'given' });
    server.rejectHeartbeat = server.rejectWatch = (authorization) => (authorization === `Bearer ${given}` ? undefined : expired());
    server.watch.fail(expired());
    await advance(120);
    const { length } = server.beats;
    await client.updateToken(given);
    await settle();
    expect([server.watch.isOpen, seen.connectionStates.at(-1), server.beats.length - length]).toEqual([true, 'connected', 1]);
  });

  it.each(['', undefined, null])('rejects %j in place of a token', async (wrong) => {
    const { client, server } = await startWorld({ token: accessToken('ada') });
    await expect(client.updateToken(wrong as string)).rejects.toThrow(TypeError);
    expect(server.watches.length).toBe(1);
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

  it('rejects the token of another user also before the first call', async () => {
    const { server, client } = createWorld({ token: accessToken('ada') });
    await expect(client.updateToken(accessToken('eve'))).rejects.toMatchObject({ reason: 'IDENTITY_MISMATCH' });
    await settle();
    expect(server.beats.map(({ authorization }) => authorization)).toEqual([`Bearer ${accessToken('ada')}`]);
  });

  it('rejects the token of another user where the option identity names the own one', async () => {
    const { client } = await startWorld();
    await expect(client.updateToken(accessToken('eve'))).rejects.toMatchObject({ reason: 'IDENTITY_MISMATCH' });
    await client.updateToken(accessToken('ada'));
  });

  it('keeps its token, and asks again, if the provider returns the token of another user', async () => {
    const { ask, tokens } = provider();
    const { server, seen } = await startWorld({ token: ask });
    ask.mockResolvedValueOnce(accessToken('eve')).mockResolvedValueOnce(accessToken('eve', { jti: 'next' }));
    await advance(3_600 - 180);
    expect([ask.mock.calls.length, server.watch.authorization, server.watches.length]).toEqual([2, `Bearer ${tokens[0]}`, 1]);
    expect([seen.errors, seen.others]).toEqual([['IDENTITY_MISMATCH'], ['tokenAboutToExpire']]);
    await advance(60);
    expect(seen.errors).toEqual(['IDENTITY_MISMATCH', 'IDENTITY_MISMATCH']);
    expect([ask.mock.calls.length, server.watch.authorization, server.watch.isOpen]).toEqual([4, `Bearer ${tokens[1]}`, true]);
    expect(new Set(server.beats.map(({ authorization }) => authorization))).toEqual(new Set(tokens.map((token) => `Bearer ${token}`)));
  });

  it('uses no late answer with the token of another user', async () => {
    const { ask, tokens } = provider();
    const { server, seen } = await startWorld({ token: ask });
    ask.mockImplementationOnce(() => new Promise((resolve) => { setTimeout(() => resolve(accessToken('eve')), 40_000); }));
    ask.mockReturnValueOnce(new Promise(() => {}));
    server.rejectHeartbeat = server.rejectWatch = (authorization) => (authorization === `Bearer ${tokens[0]}` ? expired() : undefined);
    server.watch.fail(expired());
    await advance(100);
    expect([server.watch.authorization, server.watch.isOpen, seen.states]).toEqual([`Bearer ${tokens[1]}`, true, ['initialized']]);
  });

  it.each([
    ['the next token', 1],
    ['all tokens for five minutes, as a restored server can', 300],
  ])('stays alive if the server rejects %s', async (_, seconds) => {
    const { ask, tokens } = provider();
    const { server, client, seen } = await startWorld({ token: ask });
    let isRejecting = true;
    server.rejectHeartbeat = server.rejectWatch = (authorization) =>
      (isRejecting && authorization !== `Bearer ${tokens[0]}` ? rejection(Code.Unauthenticated, 'CREDENTIALS_INVALID') : undefined);
    await advance(3_600 - 180 + seconds);
    expect([tokens.length > 1, seen.connectionStates.at(-1), client.user.identity]).toEqual([true, 'denied', 'ada']);
    isRejecting = false;
    await advance(31);
    expect([server.watch.isOpen, server.watch.authorization !== `Bearer ${tokens[0]}`, seen.states]).toEqual([true, true, ['initialized']]);
    const { length } = server.beats;
    await advance(60);
    expect([server.beats.length - length, seen.errors.some((error) => error.includes('terminal'))]).toEqual([2, false]);
  });

  it('stays alive if the server rejects a token of updateToken, and goes on with the next one', async () => {
    const { server, client, seen } = await startWorld({ token: accessToken('ada') });
    const bad = accessToken('ada', { jti: 'bad' });
    server.rejectHeartbeat = server.rejectWatch = (authorization) =>
      (authorization === `Bearer ${bad}` ? rejection(Code.Unauthenticated, 'CREDENTIALS_INVALID') : undefined);
    await client.updateToken(bad);
    await advance(120);
    expect([seen.connectionStates.at(-1), seen.others]).toEqual(['denied', ['tokenExpired']]);
    await client.updateToken(accessToken('ada', { jti: 'good' }));
    await settle();
    expect([server.watch.isOpen, seen.connectionStates.at(-1), seen.states]).toEqual([true, 'connected', ['initialized']]);
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
