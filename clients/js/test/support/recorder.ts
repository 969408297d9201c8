import { fromBinary } from '@bufbuild/protobuf';
import { type Client, createClient } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { UserService, type WatchUsersResponse, WatchUsersResponseSchema } from '../../src/gen/presence/v1/user_service_pb.js';
import { within } from './waiting.js';

/** Makes the calls of a page to a server, and keeps the bytes of the answers. */
export class Recorder {
  readonly #users: Client<typeof UserService>;
  #response: Promise<Uint8Array>[] = [];
  #received: Uint8Array[] = [];

  constructor(baseUrl: string, private readonly serviceSid: string) {
    this.#users = createClient(UserService, createGrpcWebTransport({
      baseUrl,
      fetch: async (...call) => {
        const response = await fetch(...call);
        const [copy, body] = response.body!.tee();
        this.#response.push(this.#read(copy));
        return new Response(body, response);
      },
    }));
  }

  /** The whole answer to a heartbeat. */
  async heartbeat(userKey: string, sessionId: string): Promise<Uint8Array> {
    await this.#users.heartbeat({ serviceSid: this.serviceSid, userKey, sessionId });
    return this.#response.pop()!;
  }

  /** The whole answer to a read. */
  async read(userKeys: string[]): Promise<Uint8Array> {
    await this.#users.batchGetUsers({ serviceSid: this.serviceSid, userKeys });
    return this.#response.pop()!;
  }

  /** The bytes of a watch until it has synced, and until it has brought each of the changes, which are made one after another. */
  async watch(userKeys: string[], resumeToken = '', changes: (() => Promise<unknown>)[] = []): Promise<Uint8Array> {
    const end = new AbortController();
    const messages = this.#users.watchUsers({ serviceSid: this.serviceSid, userKeys, resumeToken }, { signal: end.signal })
      [Symbol.asyncIterator]();
    const next = async (isIt: (message: WatchUsersResponse) => boolean) => {
      for (;;) {
        const { value, done } = await within(10, 'message', messages.next());
        if (done) throw new Error('the watch ended');
        if (isIt(value)) return;
      }
    };
    await next(({ event }) => event.case === 'synced');
    for (const change of changes) {
      await change();
      await next(({ event }) => event.case === 'updates');
    }
    const bytes = Buffer.concat(this.#received);
    end.abort();
    await this.#response.pop()!.catch(() => {});
    return bytes;
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<Uint8Array> {
    const received: Uint8Array[] = this.#received = [];
    const reader = body.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) received.push(next.value);
    return Buffer.concat(received);
  }
}

/** The messages of a recorded watch, and where each begins and ends. */
export function partsOf(stream: Uint8Array): { message: WatchUsersResponse; start: number; end: number }[] {
  const parts = [];
  for (let start = 0, end: number; start < stream.length; start = end) {
    end = start + 5 + Buffer.from(stream).readUInt32BE(start + 1);
    parts.push({ message: fromBinary(WatchUsersResponseSchema, stream.subarray(start + 5, end)), start, end });
  }
  return parts;
}
