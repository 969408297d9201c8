// A small client of presence.v1 over gRPC-Web, for pages and for Node. The modules of `protos` are generated when a story is built.
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createGrpcWebTransport } from '@connectrpc/connect-web';
import { ApiKeyService } from 'protos/presence/v1/api_key_service_pb.js';
import { ConfigurationService } from 'protos/presence/v1/configuration_service_pb.js';
import { UserService } from 'protos/presence/v1/user_service_pb.js';
import { BadRequestSchema, ErrorInfoSchema } from 'protos/rpc_status_pb.js';

// How long an answer may take before the wait fails with a message that names what did not happen.
const PATIENCE_MS = 20_000;

// Connects to the server at this URL, with `authorization` as the metadata of that name.
export function connect(baseUrl, { authorization } = {}) {
  const present = (next) => (request) => {
    if (authorization !== undefined) request.header.set('authorization', authorization);
    return next(request);
  };
  const transport = createGrpcWebTransport({ baseUrl, interceptors: [present] });
  return {
    keys: createClient(ApiKeyService, transport),
    configuration: createClient(ConfigurationService, transport),
    users: createClient(UserService, transport),
  };
}

// Calls a unary method.
export function call(client, method, request) {
  return client[method](request, { timeoutMs: PATIENCE_MS });
}

// Calls a unary method that must fail.
export async function rejected(client, method, request) {
  const error = await call(client, method, request).then(
    () => { throw new Error(`${method} was not rejected`); },
    (rejection) => rejection);
  return detailsOf(error);
}

// The name of an error's status, and its details.
export function detailsOf(thrown) {
  const error = ConnectError.from(thrown);
  const [info] = error.findDetails(ErrorInfoSchema);
  const [badRequest] = error.findDetails(BadRequestSchema);
  return {
    code: Code[error.code],
    reason: info?.reason,
    metadata: info?.metadata,
    fields: badRequest?.fieldViolations.map(({ field }) => field),
    message: error.message,
  };
}

// A watch, read one message at a time, which remembers its last token.
export class Watch {
  resumeToken = '';
  #leave = new AbortController();
  #messages;

  constructor(users, request) {
    this.#messages = users.watchUsers(request, { signal: this.#leave.signal })[Symbol.asyncIterator]();
  }

  leave() {
    this.#leave.abort();
  }

  // The next message; undefined when the watch ends without an error.
  async next(what) {
    const { value } = await within(this.#messages.next(), what);
    if (value?.resumeToken) this.resumeToken = value.resumeToken;
    return value;
  }

  // The next message, which must be this event. `progress` only shows that the watch is alive.
  async expect(event, what = event) {
    for (;;) {
      const message = await this.next(what);
      if (message?.event.case === event) return message.event.value;
      if (message?.event.case !== 'progress') throw new Error(`${message?.event.case} came in place of ${what}`);
    }
  }

  // The next update, which must be of this user alone.
  async change(identity) {
    const { updates } = await this.expect('updates', `update of ${identity}`);
    if (updates.length !== 1 || updates[0].user.identity !== identity) {
      throw new Error(`${updates.map(({ user }) => user.identity)} came in place of one update of ${identity}`);
    }
    return updates[0];
  }

  // All updates up to `synced`, in their order.
  async untilSynced() {
    const found = [];
    for (;;) {
      const message = await this.next('synced');
      if (message?.event.case === 'synced') return found;
      if (message?.event.case !== 'updates') throw new Error(`${message?.event.case} came before synced`);
      found.push(...message.event.value.updates);
    }
  }

  // Why the watch ends, which must happen without another message.
  async end() {
    return detailsOf(await this.next('end of the watch').then(
      (message) => { throw new Error(`${message?.event.case ?? 'an end without a reason'} came in place of an error`); },
      (error) => error));
  }
}

async function within(promise, what) {
  let timer;
  const patience = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`within ${PATIENCE_MS} ms there was no ${what}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, patience]);
  } finally {
    clearTimeout(timer);
  }
}
