// A client that sends a heartbeat every second for one user, whatever happens to the server: over its own stream, or by single calls.
const EVERY_MS = 1_000;
// Longer than the longest pause of the server.
const DEADLINE_MS = 20_000;

export class Heart {
  fault;
  #timer;

  constructor(beat) {
    const once = () => beat((fault) => { this.fault ??= fault; });
    once();
    this.#timer = setInterval(once, EVERY_MS);
  }

  static streamed(users, serviceSid, userKey) {
    const stream = users.streamHeartbeats();
    let fail = () => {};
    stream.on('data', () => {});
    stream.on('error', (fault) => fail(fault));
    stream.write({ start: { serviceSid, endSessionsOnClose: true } });
    return new Heart((report) => {
      fail = report;
      stream.write({ beats: { beats: [{ userKey, sessionId: 'heart' }] } });
    });
  }

  static unary(users, serviceSid, userKey) {
    const request = { serviceSid, userKey, sessionId: 'heart' };
    return new Heart((report) => users.heartbeat(request, { deadline: Date.now() + DEADLINE_MS }, (error) => error && report(error)));
  }

  stop() {
    clearInterval(this.#timer);
  }
}
