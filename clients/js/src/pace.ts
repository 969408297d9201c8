import { durationMs } from './failure.js';
import type { HeartbeatResponse } from './wire.js';

/** How often the server asks for heartbeats, and how long a session lives without one, in milliseconds. */
export interface Pace {
  readonly intervalMs: number;
  readonly timeoutMs: number;
}

// The server accepts no shorter interval.
const SHORTEST_MS = 1_000;

// Browsers run the timers of a hidden tab once a minute, at any moment of it. A timer of a whole minute would be late for its own minute,
// and then run in the next one, after the lease of 75 s has ended.
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
