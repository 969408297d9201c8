import { Code, ConnectError } from '@connectrpc/connect';
import type { Duration } from '@bufbuild/protobuf/wkt';
import { ErrorInfoSchema, RetryInfoSchema } from './gen/error_details_pb.js';

/** What the client does about a failed call: see the table of retry rules in docs/clients.md. */
export type Action = 'retry' | 'renewToken' | 'renewSession' | 'dropResumeToken' | 'stop';

export interface Failure {
  readonly action: Action;
  /** The server's reason, or the name of the status if the error has none. */
  readonly reason: string;
  readonly message: string;
  /** How long the server asks to wait, in milliseconds, at most a day; 0 if it does not ask. */
  readonly retryAfterMs: number;
  readonly cause: unknown;
}

// The domain of the errors of the server itself: see error_reason.proto.
const DOMAIN = 'grpc-presence';

// What a server asks for beyond a day is a mistake.
const LONGEST_RETRY_MS = 86_400_000;

// Repeating a call cannot change these answers.
const FINAL = new Set([
  Code.InvalidArgument, Code.NotFound, Code.AlreadyExists, Code.FailedPrecondition, Code.PermissionDenied, Code.OutOfRange,
  Code.Unimplemented,
]);

/** Decides by reason and status, never by the text of a message. Anything unknown is a lost connection. */
export function classify(thrown: unknown): Failure {
  const error = ConnectError.from(thrown);
  const info = error.findDetails(ErrorInfoSchema).find(({ domain }) => domain === DOMAIN);
  const [retry] = error.findDetails(RetryInfoSchema);
  return {
    action: actionAfter(error.code, info?.reason),
    reason: info?.reason ?? Code[error.code] ?? 'Unknown',
    message: error.rawMessage,
    retryAfterMs: Math.min(LONGEST_RETRY_MS, durationMs(retry?.retryDelay)),
    cause: thrown,
  };
}

function actionAfter(code: Code, reason: string | undefined): Action {
  // Without a reason the answer may be that of a proxy, which a moment of bad configuration makes reject everything. And time alone makes a
  // token valid whose issuer has a clock that is ahead.
  if (reason === undefined || reason === 'ACCESS_TOKEN_NOT_YET_VALID') return 'retry';
  if (reason === 'SESSION_ENDED') return 'renewSession';
  if (reason === 'RESUME_TOKEN_INVALID') return 'dropResumeToken';
  if (code === Code.Unauthenticated) return 'renewToken';
  return FINAL.has(code) ? 'stop' : 'retry';
}

/** The milliseconds of a duration; 0 without one. */
export function durationMs(duration: Duration | undefined): number {
  return duration === undefined ? 0 : Number(duration.seconds) * 1_000 + duration.nanos / 1_000_000;
}
