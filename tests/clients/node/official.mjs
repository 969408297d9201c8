// The official helper library, unmodified. It only knows Twilio's host. Its documented custom client sends its requests to this server.
import assert from 'node:assert/strict';
import twilio from 'twilio';

export { twilio };

// Creates a client of the server at this origin. The first two parameters are for HTTP Basic: the account and its token, or an API key and
// its secret.
export function official(origin, username, password, { authorities, accountSid } = {}) {
  const httpClient = new LocalClient(origin, { ca: authorities });
  return twilio(username, password, { httpClient, accountSid }).conversations.v1;
}

class LocalClient extends twilio.RequestClient {
  constructor(origin, options) {
    super(options);
    this.origin = origin;
  }

  request(options) {
    const { pathname, search } = new URL(options.uri);
    return super.request({ ...options, uri: this.origin + pathname + search });
  }
}

// Returns the code and the status of a request that must fail.
export async function rejectedWith(promise) {
  const error = await promise.then((answer) => assert.fail(`was not rejected: ${JSON.stringify(answer)}`), (rejection) => rejection);
  assert.ok(error.moreInfo?.endsWith(`/${error.code}`), `${error} is no error of the server`);
  return [error.code, error.status];
}
