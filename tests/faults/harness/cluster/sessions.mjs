// Clients that keep sessions alive through the proxy, whatever happens: a call or a message of a stream every interval, and a repetition
// after each failure.
import { setTimeout as pause } from 'node:timers/promises';
import { Reader } from '../../../clients/node/presence.mjs';
import { failureOf, waitToRetry } from './failure.mjs';

// A client gives up a node that does not answer, and tries another one. A third of the attempts meets the same node again, and all attempts
// within a lease must not.
const OPENED_WITHIN_MS = 1_000;
const ANSWERED_WITHIN_MS = 2_000;
const CALL_WITHIN_MS = 1_000;

// One session of one user, as its client knows it.
export class Session {
  isBeating = false; // whether a heartbeat was accepted, and the next one will follow
  isStopped = false;
  endsWithStream = false; // whether it may end before its lease, when the stream of its gateway does
  sentAt = 0; // when the last heartbeat that may have counted was sent
  acceptedAt = 0; // when the last accepted one was sent
  nextAt = 0;
  failures = []; // what was answered since the last accepted one
  #failedAt = 0;

  constructor(model, identity) {
    this.model = model;
    this.identity = identity;
    model.sessions.set(identity, this);
  }

  accepted(sentAt) {
    const { figures } = this.model;
    const now = performance.now();
    figures.count('heartbeats accepted');
    if (this.isBeating) figures.time('between accepted heartbeats of a session', sentAt - this.acceptedAt);
    if (this.#failedAt > 0) {
      figures.time('first failed heartbeat → accepted again', now - this.#failedAt);
      if (this.model.faultAt !== undefined) figures.time('fault → accepted again', now - this.model.faultAt);
      if (this.failures.length > 1) figures.count('sessions that failed more than once in a row');
    }
    this.#failedAt = 0;
    this.failures = [];
    this.acceptedAt = sentAt;
    if (!this.isStopped) this.isBeating = true;
  }

  failed(sentAt, failure) {
    const { figures } = this.model;
    figures.count(`heartbeats failed: ${failure.name}`);
    if (this.#failedAt === 0) this.#failedAt = sentAt;
    this.failures.push(failure.name);
    if (!failure.isTransient) this.model.violated('AnsweredCounts', `a heartbeat of ${this.identity} got ${failure.name}: ${failure.text}`);
  }

  stop() {
    this.isBeating = false;
    this.isStopped = true;
  }
}

// Sends the heartbeats of many sessions over one stream at a time, as a gateway does.
export class Gateway {
  // `endSessionsOnClose`: whether its sessions end with a stream, unless they go on over the next one soon.
  constructor(users, serviceSid, sessions, { intervalMs, endSessionsOnClose }) {
    Object.assign(this, { users, serviceSid, sessions, intervalMs, endSessionsOnClose });
    sessions.forEach((session) => {
      session.nextAt = performance.now() + Math.random() * 200;
      session.endsWithStream = endSessionsOnClose;
    });
    this.running = this.#run();
  }

  stop() {
    this.isStopping = true;
  }

  async #run() {
    while (!this.isStopping) {
      let asked = this.#due();
      let sentAt = performance.now();
      const stream = this.users.streamHeartbeats();
      try {
        const replies = new Reader(stream);
        stream.write({ start: { serviceSid: this.serviceSid, endSessionsOnClose: this.endSessionsOnClose } });
        await replies.next('reply to start', OPENED_WITHIN_MS);
        while (!this.isStopping) {
          asked = this.#due();
          sentAt = performance.now();
          if (asked.length > 0) {
            asked.forEach((session) => { session.sentAt = sentAt; });
            stream.write({ beats: { beats: asked.map(({ identity }) => ({ userKey: identity, sessionId: 'gateway' })) } });
            this.#take(asked, sentAt, await replies.next('reply to heartbeats', ANSWERED_WITHIN_MS));
          }
          asked = [];
          await pause(20);
        }
      } catch (error) {
        const failure = failureOf(error);
        const concerned = asked.length > 0 || failure.isTransient ? asked : this.sessions.slice(0, 1);
        concerned.forEach((session) => session.failed(sentAt, failure));
        await waitToRetry(failure);
      } finally {
        stream.cancel();
      }
    }
  }

  #due() {
    const now = performance.now();
    return this.sessions.filter((session) => !session.isStopped && session.nextAt <= now);
  }

  #take(asked, sentAt, { rejected }) {
    const reasons = new Map(rejected.map(({ index, reason }) => [index, reason.replace('ERROR_REASON_', '')]));
    for (const [index, session] of asked.entries()) {
      const reason = reasons.get(index);
      if (reason === undefined) session.accepted(sentAt);
      else session.failed(sentAt, { name: reason, isTransient: /UNAVAILABLE|STOPPING/.test(reason), text: 'rejected in a stream' });
      session.nextAt = sentAt + (reason === undefined ? this.intervalMs : 250);
    }
  }
}

// Sends the heartbeats of one session by single calls, each of which may reach another node.
export class Caller {
  constructor(users, serviceSid, session, intervalMs) {
    Object.assign(this, { users, session, intervalMs });
    this.request = { serviceSid, userKey: session.identity, sessionId: 'caller' };
    this.running = this.#run();
  }

  async #run() {
    await pause(Math.random() * this.intervalMs);
    while (!this.session.isStopped && !this.isStopping) {
      const sentAt = performance.now();
      this.session.sentAt = sentAt;
      const failure = await new Promise((resolve) => {
        this.users.heartbeat(this.request, { deadline: Date.now() + CALL_WITHIN_MS }, (error) => resolve(error && failureOf(error)));
      });
      if (failure) {
        this.session.failed(sentAt, failure);
        await waitToRetry(failure);
      } else {
        this.session.accepted(sentAt);
        await pause(Math.max(0, this.intervalMs - (performance.now() - sentAt)));
      }
    }
  }

  stop() {
    this.isStopping = true;
  }
}
