import { fromBinary } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EndSessionRequestSchema } from '../../src/gen/presence/v1/user_service_pb.js';
import { FakePage } from '../support/fake-page.js';
import { FakeServer, SERVICE_SID, rejection } from '../support/fake-server.js';
import { accessToken, advance, createWorld, settle, startWorld, user } from '../support/world.js';

let page: FakePage;

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(Math, 'random').mockReturnValue(0);
  page = new FakePage();
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

describe('Hidden', () => {
  it('beats once a minute, before the lease of 75 s ends', async () => {
    const { server } = await startWorld();
    page.show('hidden');
    await advance(54);
    expect(server.beats.length).toBe(1);
    await advance(1);
    expect(server.beats.length).toBe(2);
  });

  it('beats more often where the lease is shorter', async () => {
    const { server } = await startWorld();
    server.pace = { heartbeatInterval: { seconds: 2n }, sessionTimeout: { seconds: 10n } };
    await advance(30);
    page.show('hidden');
    await advance(16);
    expect(server.beats.map(({ at }) => (at - server.beats[0]!.at) / 1_000)).toEqual([0, 30, 38, 46]);
  });

  it('beats at once when the page is shown and a beat is due', async () => {
    const { server } = await startWorld();
    page.show('hidden');
    await advance(40);
    page.show('visible');
    await settle();
    expect(server.beats.length).toBe(2);
  });

  it.each(['shown', 'thawed'] as const)('repeats a lost beat at once when the page is %s', async (how) => {
    const { server } = await startWorld();
    server.rejectHeartbeat = () => rejection(Code.Unavailable, '');
    await advance(120);
    if (how === 'shown') page.show('hidden');
    server.rejectHeartbeat = () => undefined;
    const { length } = server.beats;
    if (how === 'shown') page.show('visible');
    else page.thaw();
    await settle();
    expect(server.beats.length).toBe(length + 1);
    page.show('visible');
    await advance(29);
    expect(server.beats.length).toBe(length + 1);
  });

  it('repeats a beat that was sent before the machine slept, when the page is shown', async () => {
    const { server } = await startWorld();
    server.answersHeartbeats = false;
    await advance(30);
    vi.setSystemTime(Date.now() + 3_600_000);
    server.answersHeartbeats = true;
    page.show('visible');
    await settle();
    expect(server.beats.length).toBe(3);
  });

  it('does not beat each time that the page is shown', async () => {
    const { server } = await startWorld();
    for (let i = 0; i < 10; i++) {
      page.show('hidden');
      await advance(1);
      page.show('visible');
      await advance(1);
    }
    expect(server.beats.length).toBe(1);
  });
});

describe('Gone', () => {
  it('ends its session by a keepalive request that is sent before the handler of pagehide returns', async () => {
    const token = accessToken('ada');
    const { server } = await startWorld({ token, url: 'https://server.test/' });
    page.hide();
    const [{ url, init }] = page.fetches as [{ url: string; init: RequestInit }];
    expect([url, init.keepalive, init.redirect]).toEqual(['https://server.test/presence.v1.UserService/EndSession', true, 'error']);
    expect(init.headers).toEqual({ 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1', authorization: `Bearer ${token}` });
    const body = init.body as Uint8Array;
    expect([body[0], new DataView(body.buffer).getUint32(1)]).toEqual([0, body.length - 5]);
    const { serviceSid, userKey, sessionId } = fromBinary(EndSessionRequestSchema, body.subarray(5));
    expect([serviceSid, userKey, sessionId]).toEqual([SERVICE_SID, 'ada', server.beats[0]!.request.sessionId]);
    await advance(300);
    expect([server.beats.length, server.watch.isOpen, page.fetches.length]).toEqual([1, false, 1]);
  });

  it('does not listen to the page after shutdown', async () => {
    const { client } = await startWorld();
    await client.shutdown();
    page.hide();
    expect(page.fetches).toEqual([]);
  });

  it('ends its session again if the page is left before the answer to shutdown', async () => {
    const { client, server, seen } = await startWorld();
    server.answersEnd = false;
    void client.shutdown();
    page.hide();
    page.restore();
    expect(client.connectionState).toBe('disconnecting');
    const { sessionId } = fromBinary(EndSessionRequestSchema, (page.fetches[0]!.init.body as Uint8Array).subarray(5));
    await advance(60);
    expect([page.fetches.length, sessionId]).toEqual([1, server.beats[0]!.request.sessionId]);
    expect([server.beats.length, seen.connectionStates]).toEqual([1, ['connected', 'disconnecting', 'disconnected']]);
  });

  it('begins no session in a page that was left before it had a token, until it is restored', async () => {
    let give = (_: string) => {};
    const { server, seen } = createWorld({ token: () => new Promise<string>((resolve) => { give = resolve; }) });
    await settle();
    page.hide();
    give(accessToken('ada'));
    await advance(60);
    expect([server.beats.length, page.fetches.length]).toEqual([0, 0]);
    page.restore();
    await settle();
    expect([server.beats.length, seen.states]).toEqual([1, ['initialized']]);
    expect(seen.connectionStates).toEqual(['disconnected', 'connecting', 'connected']);
  });

  it('has sent the end of its session when the page learns of it, and begins none after a shutdown', async () => {
    const { client, server, seen } = await startWorld();
    const sent: number[] = [];
    client.on('connectionStateChanged', (state) => {
      if (state === 'disconnected') sent.push(page.fetches.length);
      if (state === 'connecting') void client.shutdown();
    });
    page.hide();
    page.restore();
    await advance(60);
    expect([sent[0], server.beats.length, server.watch.isOpen]).toEqual([1, 2, false]);
    expect(seen.connectionStates).toEqual(['connected', 'disconnected', 'connecting', 'disconnecting', 'disconnected']);
  });

  it('stays connected when a page is shown that was not left', async () => {
    const { server, seen } = await startWorld();
    page.restore();
    await settle();
    expect([server.beats.length, seen.connectionStates]).toEqual([1, ['connected']]);
  });

  it('comes back with another session and resumes its watch when the page is restored', async () => {
    const { server, seen } = await startWorld();
    page.hide();
    await settle();
    page.restore();
    await settle();
    const [before, after] = server.beats.map(({ request }) => request.sessionId);
    expect(after).not.toBe(before);
    expect([server.beats.length, server.watch.isOpen, server.watch.request.resumeToken]).toEqual([2, true, 'token-1']);
    expect(seen.connectionStates).toEqual(['connected', 'disconnected', 'connecting', 'connected']);
  });

  it('leaves one loop of beats and one watch, however fast the page is left and restored', async () => {
    const { server } = await startWorld();
    for (let i = 0; i < 3; i++) {
      page.hide();
      page.restore();
    }
    await settle();
    const { length } = server.beats;
    await advance(60);
    expect([server.beats.length - length, server.watches.filter(({ isOpen }) => isOpen).length]).toEqual([2, 1]);
  });
});

describe('Resumed', () => {
  it('connects at once when the page is shown, whatever it waits for', async () => {
    const { server, client } = await startWorld();
    page.show('hidden');
    server.rejectHeartbeat = server.rejectWatch = server.rejectRead = () => rejection(Code.Unavailable, '');
    server.watch.fail(rejection(Code.Unavailable, ''));
    await advance(120);
    server.rejectHeartbeat = server.rejectWatch = server.rejectRead = () => undefined;
    const [beats, watches] = [server.beats.length, server.watches.length];
    page.show('visible');
    await settle();
    expect([server.beats.length - beats, server.watches.length - watches, server.watch.isOpen]).toEqual([1, 1, true]);
    expect(client.connectionState).toBe('connected');
  });

  it('leaves a watch alone that is alive when the page is shown', async () => {
    const { server } = await startWorld();
    page.show('hidden');
    await advance(600);
    page.show('visible');
    page.thaw();
    await settle();
    expect(server.watches.length).toBe(1);
  });

  it.each(['shown', 'thawed'] as const)('gives up a watch that was silent for 20 s when the page is %s', async (how) => {
    const silent = new FakeServer();
    silent.sendsProgress = false;
    const { server, seen } = await startWorld({}, silent);
    await advance(20);
    page.show('visible');
    await settle();
    expect(server.watches.length).toBe(1);
    await advance(0.1);
    if (how === 'shown') page.show('visible');
    else page.thaw();
    await settle();
    expect([server.watches.length, server.watch.isOpen, server.watch.request.resumeToken]).toEqual([2, true, 'token-1']);
    expect(seen.connectionStates).toEqual(['connected', 'connecting', 'connected']);
  });

  it('beats and resumes at once when the page is shown after the machine slept, during which one clock stood still', async () => {
    const { server } = await startWorld();
    await advance(5);
    vi.setSystemTime(Date.now() + 3_600_000);
    page.show('visible');
    await settle();
    expect([server.beats.length, server.watches.length, server.watch.isOpen]).toEqual([2, 2, true]);
  });

  it('beats and resumes within 10 s after the machine slept, even if nothing says so', async () => {
    const { server } = await startWorld();
    await advance(5);
    vi.setSystemTime(Date.now() + 3_600_000);
    await advance(10);
    expect([server.beats.length, server.watches.length, server.watch.isOpen]).toEqual([2, 2, true]);
  });

  const comesBack = [
    ['the browser has a network again', () => page.comeOnline()],
    ['the page is shown', () => page.show('visible')],
    ['the page is restored', () => { page.hide(); page.restore(); }],
  ] as const;

  it.each(comesBack)('goes on reading users at once when %s', async (_, comeBack) => {
    const { server, client } = await startWorld();
    server.users.set('bob', user('bob'));
    server.rejectRead = () => rejection(Code.Unavailable, '');
    const read = client.getUser('bob');
    await advance(120);
    server.rejectRead = () => undefined;
    comeBack();
    await settle();
    expect((await read).identity).toBe('bob');
  });

  it.each(comesBack)('asks for the first token again at once when %s', async (_, comeBack) => {
    const ask = vi.fn(async () => accessToken('ada'));
    ask.mockRejectedValue(new Error('offline'));
    const { seen } = createWorld({ token: ask });
    await advance(120);
    ask.mockResolvedValue(accessToken('ada'));
    comeBack();
    await settle();
    expect(seen.states).toEqual(['initialized']);
  });

  it('renews at most every 10 s, however often the page is shown', async () => {
    const ask = vi.fn(async () => accessToken('ada', { lifetime: 60 }));
    await startWorld({ token: ask });
    ask.mockRejectedValue(new Error('offline'));
    await advance(45);
    for (let i = 0; i < 14; i++) {
      page.show('visible');
      await advance(1);
    }
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it('does nothing while it is left, whatever the browser reports before it restores the page', async () => {
    const { server, seen } = await startWorld();
    page.hide();
    await advance(300);
    page.thaw();
    page.show('visible');
    page.comeOnline();
    await settle();
    expect([server.beats.length, server.watches.length, seen.connectionStates]).toEqual([1, 1, ['connected', 'disconnected']]);
    page.restore();
    await settle();
    expect([server.beats.length, server.watches.length, seen.connectionStates.at(-1)]).toEqual([2, 2, 'connected']);
  });

  it('does not wait for an answer from the network before', async () => {
    const { server } = await startWorld();
    server.answersHeartbeats = false;
    await advance(31);
    server.answersHeartbeats = true;
    page.comeOnline();
    await settle();
    expect(server.beats.map(({ request }) => request.sessionId)).toEqual(Array(3).fill(server.beats[0]!.request.sessionId));
    await advance(29);
    expect(server.beats.length).toBe(3);
  });

  it('connects at once when the network comes back while a token is awaited', async () => {
    let give = (_: string) => {};
    const ask = vi.fn(() => accessToken('ada', { jti: `${ask.mock.calls.length}` }) as string | Promise<string>);
    const { server } = await startWorld({ token: ask });
    server.rejectHeartbeat = server.rejectWatch = () => rejection(Code.Unauthenticated, 'ACCESS_TOKEN_EXPIRED');
    server.watch.fail(rejection(Code.Unauthenticated, 'ACCESS_TOKEN_EXPIRED'));
    await advance(120);
    ask.mockImplementation(() => new Promise((resolve) => { give = resolve; }));
    await advance(25); // both loops wait for the token
    server.rejectHeartbeat = server.rejectWatch = () => undefined;
    page.comeOnline();
    give(accessToken('ada', { jti: 'last' }));
    await settle();
    expect(server.watch.isOpen).toBe(true);
  });

  it('connects at once when the browser has a network again', async () => {
    const { server } = await startWorld();
    server.rejectHeartbeat = server.rejectWatch = () => rejection(Code.Unavailable, '');
    server.watch.fail(rejection(Code.Unavailable, ''));
    await advance(120);
    server.rejectHeartbeat = server.rejectWatch = () => undefined;
    const [beats, watches] = [server.beats.length, server.watches.length];
    page.comeOnline();
    await settle();
    expect([server.beats.length - beats, server.watches.length - watches, server.watch.isOpen]).toEqual([1, 1, true]);
  });
});
