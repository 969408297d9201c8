// What a client does about an error of a call or a stream.
import { setTimeout as pause } from 'node:timers/promises';
import { detailsOf } from '../../../clients/node/presence.mjs';

const CODES = { 1: 'CANCELLED', 2: 'UNKNOWN', 4: 'DEADLINE_EXCEEDED', 8: 'RESOURCE_EXHAUSTED', 13: 'INTERNAL', 14: 'UNAVAILABLE' };
const TRANSIENT_REASONS = new Set([
  'STORAGE_UNAVAILABLE', 'SERVER_STOPPING', 'STREAM_MAX_AGE', 'WATCH_STALLED', 'OWNER_UNAVAILABLE', 'OUTCOME_UNKNOWN',
]);
// Codes of a connection that broke on the way, through the proxy too.
const TRANSIENT_CODES = new Set([1, 2, 4, 13, 14]);
const WITHOUT_EFFECT = new Set(['OWNER_UNAVAILABLE']);
const LEAST_RETRY_MS = 100;
const MOST_RETRY_MS = 300;

// Describes the error: its name for the figures, whether a client may try again, and whether a write may have been done.
export function failureOf(error) {
  const { ErrorInfo: info, RetryInfo: retry } = error.metadata ? detailsOf(error) : {};
  const reason = info?.reason;
  return {
    name: reason ?? CODES[error.code] ?? (error.code === undefined ? 'no answer' : `code ${error.code}`),
    reason,
    isTransient: reason ? TRANSIENT_REASONS.has(reason) : error.code === undefined || TRANSIENT_CODES.has(error.code),
    isDone: WITHOUT_EFFECT.has(reason) ? false : undefined,
    retryMs: retry ? 1_000 * Number(retry.retryDelay?.seconds ?? 0) + (retry.retryDelay?.nanos ?? 0) / 1e6 : 0,
    text: `${error.details ?? error.message}`,
  };
}

// Waits as the error asks, and a bit longer by chance.
export const waitToRetry = ({ retryMs = 0 } = {}) =>
  pause(retryMs + LEAST_RETRY_MS + Math.random() * (MOST_RETRY_MS - LEAST_RETRY_MS));
