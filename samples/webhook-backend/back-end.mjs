// SIGNING_SECRETS='SECRET [NEXT]' node back-end.mjs [--port 8080] [--public-url http://127.0.0.1:8080] [--seconds N]
//
// A back end that receives the webhooks of GrpcPresence: events after a change at /events, and the question before an edit at /before.
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import twilio from 'twilio';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '8080' },
    // What the service instance's configuration says, up to the path: the signature covers this URL, also behind a proxy that rewrites it.
    'public-url': { type: 'string' },
    seconds: { type: 'string' },
  },
});
const publicUrl = options['public-url'] ?? `http://127.0.0.1:${options.port}`;
// Several while a secret is rotated: the server signs with the next one from one event to the other.
const secrets = (process.env.SIGNING_SECRETS ?? process.env.AUTH_TOKEN ?? '').split(' ').filter(Boolean);
if (secrets.length === 0) {
  console.error(
    'Neither SIGNING_SECRETS nor AUTH_TOKEN is set. Set the first to the signing secrets of the service instance, separated by spaces, ' +
      'or the second to the AuthToken of the server if it has one.',
  );
  process.exit(2);
}

// Far more than a form with the largest attributes has, percent-encoded.
const MAX_BODY_BYTES = 64 * 1024;
const MAX_REMEMBERED = 10_000;
const FORBIDDEN_NAME = /\badministrator\b/i;

// Delivery is at least once: the server repeats a webhook whose answer it did not get, with the same token.
const seen = new Set();

function isRepeated(token) {
  if (seen.has(token)) return true;
  seen.add(token);
  if (seen.size > MAX_REMEMBERED) seen.delete(seen.values().next().value);
  return false;
}

// 2xx takes an event; 4xx would give it up for good. The server waits 5 s, so a back end with more to do puts the event into a queue first.
function takeEvent({ EventType, Identity, IsOnline, UpdateReasons }, token) {
  if (isRepeated(token)) return 204;
  console.log(`${EventType}: ${Identity}, online: ${IsOnline ?? 'unknown'}, changed: ${UpdateReasons}`);
  return 204;
}

// 4xx rejects the edit, and the caller gets WEBHOOK_REFUSED. Every other answer allows it, and so does none within 5 s, unless the service
// instance has set pre_webhook_fail_closed.
function judgeEdit({ Identity, FriendlyName }) {
  const status = FORBIDDEN_NAME.test(FriendlyName ?? '') ? 403 : 200;
  console.log(`edit of ${Identity}: ${status === 403 ? 'rejected' : 'allowed'}`);
  return status;
}

async function answer(request) {
  // A body without a length is rejected too.
  if (request.method === 'POST' && !(Number(request.headers['content-length']) <= MAX_BODY_BYTES)) return 413;
  const url = new URL(request.url, publicUrl);
  // A GET is signed by its URL alone.
  const form = request.method === 'POST' ? Object.fromEntries(new URLSearchParams(await text(request))) : {};
  const signature = request.headers['x-twilio-signature'] ?? '';
  if (!secrets.some((secret) => twilio.validateRequest(secret, signature, publicUrl + request.url, form))) {
    console.log('rejected a request without a valid signature');
    return 403;
  }
  const parameters = request.method === 'POST' ? form : Object.fromEntries(url.searchParams);
  switch (url.pathname) {
    case '/events': return takeEvent(parameters, request.headers['i-twilio-idempotency-token']);
    case '/before': return judgeEdit(parameters);
    default: return 404;
  }
}

const server = createServer(async (request, response) => {
  try {
    response.writeHead(await answer(request)).end();
  } catch (error) {
    // The server repeats an event that was answered with 5xx.
    console.error(error);
    response.writeHead(500).end();
  }
});

function stop() {
  server.close(() => console.log('stopped'));
  server.closeIdleConnections();
}
process.once('SIGINT', stop);
process.once('SIGTERM', stop);
if (options.seconds) setTimeout(stop, Number(options.seconds) * 1_000).unref();

server.listen(Number(options.port), '127.0.0.1', () => console.log(`listening for ${publicUrl}/events and ${publicUrl}/before`));
