import type { ClientHttp2Session } from 'node:http2';
import { Http2SessionManager, createGrpcTransport } from '@connectrpc/connect-node';
import type { Connection } from './connection.js';

// A network that vanishes without a packet is noticed within 30 s, before a silent watch is given up.
const PING_INTERVAL_MS = 20_000;
const PING_TIMEOUT_MS = 10_000;

/** gRPC over HTTP/2, for Node. */
export function connect(baseUrl: string): Connection {
  const sessionManager = new Http2SessionManager(baseUrl, { pingIntervalMs: PING_INTERVAL_MS, pingTimeoutMs: PING_TIMEOUT_MS });
  const heard = new WeakSet<ClientHttp2Session>();
  // A peer that does not speak HTTP/2 makes a connection emit `error` when its socket closes. Connect has taken its own listener away by
  // then if it has aborted meanwhile, and Node ends the process for an `error` that nobody hears.
  const request = sessionManager.request.bind(sessionManager);
  sessionManager.request = async (...call) => {
    const stream = await request(...call);
    if (stream.session && !heard.has(stream.session as ClientHttp2Session)) {
      heard.add(stream.session as ClientHttp2Session);
      stream.session.on('error', () => {});
    }
    return stream;
  };
  return {
    transport: createGrpcTransport({ baseUrl, sessionManager }),
    reset: () => sessionManager.abort(),
    close: () => sessionManager.abort(),
  };
}
