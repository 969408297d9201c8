// A minimal gRPC client over Node's own HTTP/2. It holds thousands of streams open, and does what a gRPC library would not: stop reading,
// reset, drop the connection.
import http2 from 'node:http2';
import { once } from 'node:events';
import { detailsIn } from '../../clients/node/presence.mjs';

const FRAME_HEADER = 5;
const { NGHTTP2_CANCEL, NGHTTP2_REFUSED_STREAM } = http2.constants;
const CANCELLED = 1;
const UNAVAILABLE = 14;

// `window`: how many bytes the server may send ahead of the reader on each stream.
export async function openConnection(address, { window = 65_535 } = {}) {
  const session = http2.connect(`http://${address}`, { settings: { initialWindowSize: window } });
  session.on('error', () => {}); // its streams report the error
  await once(session, 'connect');
  // The connection's window has room for all streams, so that a stream that is not read blocks only itself.
  session.setLocalWindowSize(16 * 1024 * 1024);
  return session;
}

// A call with one request. `onMessage` receives the bytes of each message.
export class Stream {
  #stream;
  #rest = Buffer.alloc(0);
  #status;
  #resolve;
  // The result: { code, reason, metadata, details, reset }, where `reset` is the code of a reset without a status.
  ended = new Promise((resolve) => { this.#resolve = resolve; });
  end;

  constructor(session, path, request, onMessage, { reads = true } = {}) {
    this.#stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' });
    this.opened = once(this.#stream, 'response').catch(() => {});
    this.#stream.on('response', (headers) => this.#takeStatus(headers));
    this.#stream.on('trailers', (headers) => this.#takeStatus(headers));
    this.#stream.on('error', () => {}); // 'close' follows
    this.#stream.on('close', () => {
      this.end = this.#status ?? statusOfReset(this.#stream.rstCode);
      this.#resolve(this.end);
    });
    this.onMessage = onMessage;
    if (reads) this.read();
    this.#stream.end(frame(request));
  }

  // Starts reading.
  read() {
    this.#stream.on('data', (bytes) => this.#take(bytes));
  }

  cancel() {
    this.#stream.close(NGHTTP2_CANCEL);
  }

  #takeStatus(headers) {
    if (headers['grpc-status'] === undefined) return;
    const details = detailsIn(Buffer.from(headers['grpc-status-details-bin'] ?? '', 'base64'));
    const { reason, metadata = {} } = details.ErrorInfo ?? {};
    this.#status = { code: Number(headers['grpc-status']), reason, metadata, details };
  }

  #take(bytes) {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    let at = 0;
    while (all.length - at >= FRAME_HEADER) {
      const end = at + FRAME_HEADER + all.readUInt32BE(at + 1);
      if (end > all.length) break;
      this.onMessage(all.subarray(at + FRAME_HEADER, end));
      at = end;
    }
    this.#rest = all.subarray(at);
  }
}

function frame(message) {
  const bytes = Buffer.alloc(FRAME_HEADER + message.length);
  bytes.writeUInt32BE(message.length, 1);
  message.copy(bytes, FRAME_HEADER);
  return bytes;
}

// The status that a gRPC library derives from a stream that ended without one.
function statusOfReset(reset) {
  const code = reset === NGHTTP2_CANCEL ? CANCELLED : UNAVAILABLE;
  return { code, metadata: {}, details: {}, reset, refused: reset === NGHTTP2_REFUSED_STREAM };
}
