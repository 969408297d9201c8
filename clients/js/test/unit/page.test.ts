import { fromBinary } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EndSessionRequestSchema } from '../../src/gen/presence/v1/user_service_pb.js';
import { FakePage } from '../support/fake-page.js';
import { SERVICE_SID, rejection } from '../support/fake-server.js';
import { accessToken, advance, settle, startWorld } from '../support/world.js';

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
    const { server } = await startWorld({ token, url: 'http://server.test/' });
    page.hide();
    const [{ url, init }] = page.fetches as [{ url: string; init: RequestInit }];
    expect([url, init.keepalive]).toEqual(['http://server.test/presence.v1.UserService/EndSession', true]);
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
