// A client that beats every second for one user, whatever becomes of the server: over a stream of its own, or by single calls.
const EVERY_MS = 1_000;
// As long as the longest pause of the server, and more.
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
    let told = () => {};
    stream.on('data', () => {});
    stream.on('error', (fault) => told(fault));
    stream.write({ start: { serviceSid, endSessionsOnClose: true } });
    return new Heart((tell) => {
      told = tell;
      stream.write({ beats: { beats: [{ userKey, sessionId: 'heart' }] } });
    });
  }

  static unary(users, serviceSid, userKey) {
    return new Heart((tell) => users.heartbeat({ serviceSid, userKey, sessionId: 'heart' }, { deadline: Date.now() + DEADLINE_MS }, (fault) => fault && tell(fault)));
  }

  stop() {
    clearInterval(this.#timer);
  }
}
