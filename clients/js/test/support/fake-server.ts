import { type MessageInitShape, create } from '@bufbuild/protobuf';
import { Code, ConnectError, type HandlerContext, createRouterTransport } from '@connectrpc/connect';
import { ErrorInfoSchema, RetryInfoSchema } from '../../src/gen/error_details_pb.js';
import { UpdateReason, type UserSchema } from '../../src/gen/presence/v1/user_pb.js';
import {
  type EndSessionRequest, type HeartbeatRequest, type HeartbeatResponseSchema, UserService, type WatchUsersRequest, type WatchUsersResponse,
  WatchUsersResponseSchema,
} from '../../src/gen/presence/v1/user_service_pb.js';

export type UserInit = MessageInitShape<typeof UserSchema> & { identity: string };
type Event = MessageInitShape<typeof WatchUsersResponseSchema>['event'];

export const SERVICE_SID = 'IS00000000000000000000000000000001';

/** An error as the server sends it. */
export function rejection(code: Code, reason: string, retryAfterSeconds?: number, domain = 'grpc-presence'): ConnectError {
  return new ConnectError('rejected', code, undefined, [
    { desc: ErrorInfoSchema, value: { reason, domain } },
    ...(retryAfterSeconds === undefined ? []
      : [{ desc: RetryInfoSchema, value: { retryDelay: { seconds: BigInt(retryAfterSeconds) } } }] as never[]),
  ]);
}

/** A watch that the client opened, from the server's side. */
export class FakeWatch {
  #messages: (WatchUsersResponse | ConnectError | 'end')[] = [];
  #wake: () => void = () => {};
  isOpen = true;

  constructor(readonly request: WatchUsersRequest, readonly authorization: string | null) {}

  /** Sends one message. */
  send(event: Event, resumeToken = ''): this {
    return this.#push(create(WatchUsersResponseSchema, { event: event!, resumeToken }));
  }

  configure(reachabilityEnabled = true): this {
    return this.send({ case: 'configuration', value: { reachabilityEnabled } });
  }

  reset(): this {
    return this.send({ case: 'reset', value: {} });
  }

  update(user: UserInit, ...updateReasons: UpdateReason[]): this {
    return this.updates([{ user, updateReasons }]);
  }

  updates(updates: { user: UserInit; updateReasons: UpdateReason[] }[], resumeToken = ''): this {
    return this.send({ case: 'updates', value: { updates } }, resumeToken);
  }

  sync(resumeToken = ''): this {
    return this.send({ case: 'synced', value: {} }, resumeToken);
  }

  /** Sends a whole snapshot. */
  snapshot(users: UserInit[], resumeToken = ''): this {
    return this.configure().reset().updates(users.map((user) => ({ user, updateReasons: [] }))).sync(resumeToken);
  }

  fail(error: ConnectError): this {
    return this.#push(error);
  }

  async* run(signal: AbortSignal, sendsProgress: boolean): AsyncGenerator<WatchUsersResponse> {
    signal.addEventListener('abort', () => this.#wake());
    const progress = sendsProgress ? setInterval(() => this.send({ case: 'progress', value: {} }), 15_000) : undefined;
    try {
      for (;;) {
        const message = this.#messages.shift();
        if (signal.aborted) return;
        if (message === undefined) await new Promise<void>((resolve) => { this.#wake = resolve; });
        else if (message === 'end') return;
        else if (message instanceof ConnectError) throw message;
        else yield message;
      }
    } finally {
      clearInterval(progress);
      this.isOpen = false;
    }
  }

  #push(message: WatchUsersResponse | ConnectError): this {
    this.#messages.push(message);
    this.#wake();
    return this;
  }
}

export interface Beat {
  readonly request: HeartbeatRequest;
  readonly authorization: string | null;
  /** When it came, on the clock of the test. */
  readonly at: number;
  /** Is aborted when the client cancels the call, and at its end. */
  readonly signal: AbortSignal;
}

/** A server in memory, behind the real transport code. */
export class FakeServer {
  /** The users that exist. */
  readonly users = new Map<string, UserInit>();
  readonly beats: Beat[] = [];
  readonly ended: EndSessionRequest[] = [];
  readonly reads: string[][] = [];
  readonly watches: FakeWatch[] = [];
  pace: MessageInitShape<typeof HeartbeatResponseSchema> = { heartbeatInterval: { seconds: 30n }, sessionTimeout: { seconds: 75n } };
  /** Rejects calls; undefined accepts them. */
  rejectHeartbeat: (authorization: string | null) => ConnectError | undefined = () => undefined;
  rejectRead: () => ConnectError | undefined = () => undefined;
  rejectWatch: (authorization: string | null) => ConnectError | undefined = () => undefined;
  rejectEnd: (authorization: string | null) => ConnectError | undefined = () => undefined;
  /** Is called when users are read, before the answer. */
  onRead = () => {};
  answersHeartbeats = true;
  /** How long an answer to a heartbeat takes, on the clock of the test. */
  heartbeatMs = 0;
  answersEnd = true;
  /** Whether a watch is answered: with a snapshot of the users that it names, or with `synced` if it resumes. */
  answersWatches = true;
  /** Whether a watch says that it is alive, as the server does. */
  sendsProgress = true;

  readonly transport = createRouterTransport(({ service }) => {
    service(UserService, {
      heartbeat: async (request, context) => {
        const authorization = authorizationOf(context);
        this.beats.push({ request, authorization, at: performance.now(), signal: context.signal });
        if (!this.answersHeartbeats) await new Promise(() => {});
        if (this.heartbeatMs > 0) await new Promise((resolve) => { setTimeout(resolve, this.heartbeatMs); });
        throwIf(this.rejectHeartbeat(authorization));
        return this.pace;
      },
      endSession: async (request, context) => {
        if (!this.answersEnd) await new Promise(() => {});
        throwIf(this.rejectEnd(authorizationOf(context)));
        this.ended.push(request);
        return {};
      },
      batchGetUsers: ({ userKeys }) => {
        this.reads.push(userKeys);
        this.onRead();
        throwIf(this.rejectRead());
        return { users: this.known(userKeys) };
      },
      watchUsers: (request, context) => this.#watch(request, context),
    });
  });

  get watch(): FakeWatch {
    return this.watches.at(-1)!;
  }

  known(keys: string[]): UserInit[] {
    return keys.flatMap((key) => this.users.get(key) ?? []);
  }

  #watch(request: WatchUsersRequest, context: HandlerContext): AsyncGenerator<WatchUsersResponse> {
    const authorization = authorizationOf(context);
    const watch = new FakeWatch(request, authorization);
    this.watches.push(watch);
    const error = this.rejectWatch(authorization);
    if (error) watch.fail(error);
    else if (this.answersWatches && request.resumeToken !== '') watch.configure().sync(`${request.resumeToken}+`);
    else if (this.answersWatches) watch.snapshot(this.known(request.userKeys), `token-${this.watches.length}`);
    return watch.run(context.signal, this.sendsProgress);
  }
}

function authorizationOf(context: HandlerContext): string | null {
  return context.requestHeader.get('authorization');
}

function throwIf(error: ConnectError | undefined): void {
  if (error) throw error;
}
