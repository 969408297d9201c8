// A small client of presence.v1. No code is generated: it reads the protos when it starts.
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const fromHere = (path) => fileURLToPath(new URL(path, import.meta.url));

const definition = protoLoader.loadSync(
  ['presence/v1/api_key_service.proto', 'presence/v1/configuration_service.proto', 'presence/v1/user_service.proto', 'rpc_status.proto'],
  {
    includeDirs: [fromHere('../../../protos'), fromHere('../protos')],
    enums: String,
    longs: String,
    // Absent lists and plain fields read as [] and "". An absent `optional bool` remains undefined: that is the null of is_online and
    // is_notifiable.
    defaults: true,
    oneofs: true,
  });
const { presence } = grpc.loadPackageDefinition(definition);

// Paths and codecs of the methods, for clients with their own HTTP/2 implementation.
export const { WatchUsers: watchUsers } = presence.v1.UserService.service;

// How long an answer may take before the wait fails with a message that names what did not happen.
export const PATIENCE_MS = 20_000;

// Connects without TLS and credentials, or
// - over TLS, to a server whose certificate is issued by an authority in the PEM bytes `authorities`; null trusts Node's authorities;
// - with `authorization` as the metadata of that name. Only over TLS: gRPC does not send credentials without it.
// `options`: those of the channels.
export function connect(address, { authorities, authorization, options = {} } = {}) {
  const credentials = authorities === undefined
    ? grpc.credentials.createInsecure()
    : withMetadata(grpc.credentials.createSsl(authorities), authorization);
  return {
    keys: new presence.v1.ApiKeyService(address, credentials, options),
    configuration: new presence.v1.ConfigurationService(address, credentials, options),
    users: new presence.v1.UserService(address, credentials, options),
  };
}

function withMetadata(credentials, authorization) {
  if (authorization === undefined) return credentials;
  const metadata = new grpc.Metadata();
  metadata.set('authorization', authorization);
  return grpc.credentials.combineChannelCredentials(credentials,
    grpc.credentials.createFromMetadataGenerator((_, callback) => callback(null, metadata)));
}

// Calls a unary method.
export function call(client, method, request) {
  return new Promise((resolve, reject) => {
    client[method](request, { deadline: Date.now() + PATIENCE_MS },
      (error, response) => (error ? reject(error) : resolve(response)));
  });
}

// Calls a unary method that must fail. Returns the code and message of its status, and its details.
export async function rejected(client, method, request) {
  const error = await call(client, method, request).then(
    (response) => { throw new Error(`${method} was not rejected: ${JSON.stringify(response)}`); },
    (rejection) => rejection);
  const { ErrorInfo: info, BadRequest: badRequest } = detailsOf(error);
  if (info?.domain !== 'grpc-presence') throw new Error(`${error} has no ErrorInfo of the server`);
  return {
    code: error.code, message: error.details, reason: info.reason, metadata: info.metadata, violations: badRequest?.fieldViolations,
  };
}

// The details of a status: the google.rpc.Status in the trailer `grpc-status-details-bin`.
export function detailsOf(error) {
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? [];
  return detailsIn(bytes);
}

export function detailsIn(bytes) {
  const details = {};
  for (const { type_url: typeUrl, value } of bytes ? decode('google.rpc.Status', bytes).details : []) {
    const name = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
    details[name.slice(name.lastIndexOf('.') + 1)] = decode(name, value);
  }
  return details;
}

function decode(name, bytes) {
  return definition[name].deserialize(bytes);
}

// A stream of the server, read one message at a time.
export class Reader {
  #messages = [];
  #end;
  #wake = () => {};

  constructor(stream) {
    this.stream = stream;
    stream.on('data', (message) => { this.#messages.push(message); this.#wake(); });
    stream.on('error', (error) => { this.#end = error; this.#wake(); });
    stream.on('end', () => { this.#end ??= new Error('the stream ended'); this.#wake(); });
  }

  // The next message. Rejects with the stream's error when the stream ends instead.
  async next(what, patienceMs = PATIENCE_MS) {
    const patience = AbortSignal.timeout(patienceMs);
    patience.addEventListener('abort', () => this.#wake());
    while (this.#messages.length === 0) {
      if (this.#end) throw this.#end;
      if (patience.aborted) throw new Error(`within ${patienceMs} ms there was no ${what}`);
      await new Promise((resolve) => { this.#wake = resolve; });
    }
    return this.#messages.shift();
  }
}

// A watch, which remembers its last token.
export class Watch extends Reader {
  resumeToken = '';

  constructor(users, request) {
    super(users.watchUsers(request));
  }

  async next(what, patienceMs) {
    const message = await super.next(what, patienceMs);
    if (message.resumeToken !== '') this.resumeToken = message.resumeToken;
    return message;
  }

  // The next message, which must be this event. `progress` only shows that the watch is alive.
  async expect(event, what) {
    for (;;) {
      const message = await this.next(what);
      if (message.event === event) return message[event];
      if (message.event !== 'progress') throw new Error(`${message.event} came in place of ${what}`);
    }
  }

  // The next update, which must be of this user alone.
  async change(identity) {
    const { updates } = await this.expect('updates', `update of ${identity}`);
    if (updates.length !== 1 || updates[0].user.identity !== identity) {
      throw new Error(`not one update of ${identity} came, but ${JSON.stringify(updates)}`);
    }
    return updates[0];
  }

  // All updates up to `synced`, by identity.
  async untilSynced() {
    const found = new Map();
    for (;;) {
      const message = await this.next('synced');
      if (message.event === 'synced') return found;
      if (message.event !== 'updates') throw new Error(`${message.event} came before synced`);
      for (const update of message.updates.updates) found.set(update.user.identity, update);
    }
  }

  // The final status of the watch, which must end without another message.
  async end() {
    const end = await this.next('end of the watch').catch((error) => error);
    if (end.event !== undefined) throw new Error(`the watch goes on with ${end.event}`);
    if (end.code === undefined) throw end;
    return end;
  }

  cancel() {
    this.stream.cancel();
  }
}
