import type { Transport } from '@connectrpc/connect';

/** The way to the server. */
export interface Connection {
  readonly transport: Transport;
  /** Gives up the present connection, which no longer answers, so that the next call opens another. */
  reset(): void;
  /** Ends the connection, and calls that are still open. */
  close(): void;
}
