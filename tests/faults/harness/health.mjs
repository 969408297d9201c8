// A watch of grpc.health.v1.Health over the server as a whole. Its messages are so small that they are read by hand: field 1 is the status.
import { Stream } from './http2.mjs';

const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];

export class HealthWatch {
  statuses = [];

  constructor(session) {
    this.stream = new Stream(session, '/grpc.health.v1.Health/Watch', Buffer.alloc(0), (bytes) => this.statuses.push(STATUSES[bytes[1] ?? 0]));
  }
}
