import { Http2SessionManager, createGrpcTransport } from '@connectrpc/connect-node';
import type { Connection } from './connection.js';

// A network that vanishes without a packet is noticed within 30 s, before a silent watch is given up.
const PING_INTERVAL_MS = 20_000;
const PING_TIMEOUT_MS = 10_000;

/** gRPC over HTTP/2, for Node. */
export function connect(baseUrl: string): Connection {
  const sessionManager = new Http2SessionManager(baseUrl, { pingIntervalMs: PING_INTERVAL_MS, pingTimeoutMs: PING_TIMEOUT_MS });
  return {
    transport: createGrpcTransport({ baseUrl, sessionManager }),
    reset: () => sessionManager.abort(),
    close: () => sessionManager.abort(),
  };
}
