import { durationMs } from './failure.js';
import type { HeartbeatResponse } from './wire.js';

/** How often the server asks for heartbeats, and how long a session lives without one, in milliseconds. */
export interface Pace {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

// The server accepts no shorter interval.
const SHORTEST_MS = 1_000;

// A browser may run the timers of a hidden tab once a minute only. A timer of 55 s that begins with one such run is due before the next
// one, so beats are a minute apart. One of a whole minute could be due just after it, and run after the lease of 75 s has ended.
const HIDDEN_MS = 55_000;

// Of a short lease, a fifth is left for a late timer and a slow network.
const HIDDEN_PART = 0.8;

export function paceOf(reply: HeartbeatResponse): Pace {
  return {
    intervalMs: Math.max(SHORTEST_MS, durationMs(reply.heartbeatInterval)),
    timeoutMs: durationMs(reply.sessionTimeout),
  };
}

/** The time from one heartbeat to the next. A hidden page beats once a minute, or as often as a shorter lease needs it. */
export function intervalOf(pace: Pace, isHidden: boolean): number {
  return isHidden ? Math.max(pace.intervalMs, Math.min(HIDDEN_MS, pace.timeoutMs * HIDDEN_PART)) : pace.intervalMs;
}
