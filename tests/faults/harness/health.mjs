// Watches of grpc.health.v1.Health. Its messages are small enough to encode and decode by hand: field 1 is the name or the status.
import { Stream } from './http2.mjs';

const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const FIELD_1 = 0x0a;

export class HealthWatch {
  statuses = [];

  // `name`: a service, or '' for the server as a whole.
  constructor(session, name = '') {
    const request = name === '' ? Buffer.alloc(0) : Buffer.from([FIELD_1, name.length, ...Buffer.from(name)]);
    this.stream = new Stream(session, '/grpc.health.v1.Health/Watch', request, (bytes) => this.statuses.push(STATUSES[bytes[1] ?? 0]));
  }

  // The current status.
  get status() {
    return this.statuses.at(-1);
  }
}
