import { createGrpcWebTransport } from '@connectrpc/connect-web';
import type { Connection } from './connection.js';

/** gRPC-Web, for pages. The browser owns the connections. */
export function connect(baseUrl: string): Connection {
  return { transport: createGrpcWebTransport({ baseUrl }), reset() {}, close() {} };
}
