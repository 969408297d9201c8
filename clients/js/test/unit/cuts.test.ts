import { fromBinary } from '@bufbuild/protobuf';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { UpdateReason } from '../../src/gen/presence/v1/user_pb.js';
import { HeartbeatResponseSchema, WatchUsersRequestSchema } from '../../src/gen/presence/v1/user_service_pb.js';
import { type Message, answer, frames, headers } from '../support/grpc-web.js';
import { advance, createWorld, user } from '../support/world.js';

const { FRIENDLY_NAME, REACHABILITY_NOTIFIABLE } = UpdateReason;

// The own user changes twice while it is watched.
const first = user('ada', { isOnline: true, isNotifiable: false });
const second = user('ada', { isOnline: true, isNotifiable: true, revision: 20n });
const third = user('ada', { isOnline: true, isNotifiable: true, friendlyName: 'Ada', revision: 21n });

const configuration: Message = { event: { case: 'configuration', value: { reachabilityEnabled: true } } };
const reset: Message = { event: { case: 'reset', value: {} } };
const synced = (resumeToken: string): Message => ({ event: { case: 'synced', value: {} }, resumeToken });
const update = (after: typeof first, updateReasons: UpdateReason[] = [], resumeToken = ''): Message =>
  ({ event: { case: 'updates', value: { updates: [{ user: after, updateReasons }] } }, resumeToken });

const recorded = frames([
  configuration, reset, update(user('somebody-else')), update(first), synced('1'),
  update(second, [REACHABILITY_NOTIFIABLE], '2'), update(third, [FRIENDLY_NAME], '3'),
]);

/** What the server sends to a client that watches again after all changes. */
const resumed: Record<string, Message[]> = {
  '': [configuration, reset, update(third), synced('4')],
  1: [configuration, update(third, [FRIENDLY_NAME, REACHABILITY_NOTIFIABLE], '3'), synced('4')],
  2: [configuration, update(third, [FRIENDLY_NAME], '3'), synced('4')],
  3: [configuration, synced('4')],
};

/** A server that cuts the first watch after so many bytes, sent in two pieces. It accepts the token of the next watch, or resets. */
function serverCutAfter(bytes: number, acceptsTokens: boolean): typeof fetch {
  let watches = 0;
  return async (url, init) => {
    if (String(url).endsWith('/Heartbeat')) {
      return answer(HeartbeatResponseSchema, { heartbeatInterval: { seconds: 30n } });
    }
    const { resumeToken } = fromBinary(WatchUsersRequestSchema, (init!.body as Uint8Array).subarray(5));
    const isCut = watches++ === 0;
    const rest = resumed[acceptsTokens ? resumeToken : '']!;
    const pieces = isCut ? [recorded.subarray(0, bytes >> 1), recorded.subarray(bytes >> 1, bytes)] : [frames(rest)];
    return new Response(new ReadableStream<Uint8Array>({
      start(controller) {
        for (const piece of pieces) controller.enqueue(piece);
        if (isCut) setTimeout(() => controller.error(new TypeError('network error')), 1_000);
      },
    }), { headers });
  };
}

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

describe('Exact', () => {
  it.each([
    ['resumes', true],
    ['resets', false],
  ])('raises each change once, at whatever byte the stream is cut, if the server %s the watch', async (_, acceptsTokens) => {
    const seenUpdates = new Set<string>();
    for (let bytes = 0; bytes <= recorded.length; bytes++) {
      const transport = createGrpcWebTransport({ baseUrl: 'http://server.test', fetch: serverCutAfter(bytes, acceptsTokens) });
      const { client, seen } = createWorld({ transport });
      await advance(0.5);
      const knewTheFirst = seen.states.length > 0;
      await advance(4);
      expect([bytes, seen.states, client.user.isNotifiable, client.user.friendlyName]).toEqual([bytes, ['initialized'], true, 'Ada']);
      const raised = seen.updates.flatMap((each) => each.replace('ada: ', '').split(', ')).sort();
      expect([bytes, raised]).toEqual([bytes, knewTheFirst ? ['friendlyName', 'reachabilityNotifiable'] : []]);
      seenUpdates.add(seen.updates.join('; '));
      vi.clearAllTimers();
    }
    // The cuts reached all cases: before the first state, between the changes, and after them.
    expect([...seenUpdates]).toEqual([
      '', 'ada: friendlyName, reachabilityNotifiable', 'ada: reachabilityNotifiable; ada: friendlyName',
    ]);
  });
});
