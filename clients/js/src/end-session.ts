import { create, toBinary } from '@bufbuild/protobuf';
import { EndSessionRequestSchema } from './wire.js';

export interface EndedSession {
  readonly serviceSid: string;
  readonly userKey: string;
  readonly sessionId: string;
}

/**
 * Calls EndSession from a page that is left. The browser completes a `keepalive` request without the page, but the page must have sent it
 * before its handler returns. The transport cannot promise that, so this is the gRPC-Web request itself.
 */
export function endSessionOnLeave(baseUrl: string, session: EndedSession, token: string | undefined): void {
  const message = toBinary(EndSessionRequestSchema, create(EndSessionRequestSchema, session));
  const body = new Uint8Array(5 + message.length);
  new DataView(body.buffer).setUint32(1, message.length);
  body.set(message, 5);
  const headers = {
    'content-type': 'application/grpc-web+proto',
    'x-grpc-web': '1',
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  // If it fails, the lease ends the session. A redirection could lead to another server, which is not to get the token.
  fetch(`${baseUrl.replace(/\/+$/, '')}/presence.v1.UserService/EndSession`, {
    method: 'POST', keepalive: true, redirect: 'error', headers, body,
  }).catch(() => {});
}
