import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client, type ClientOptions } from '../../src/index.js';
import { FakeServer, SERVICE_SID } from '../support/fake-server.js';
import { accessToken } from '../support/world.js';

beforeEach(() => { vi.useFakeTimers(); });
afterEach(() => { vi.useRealTimers(); });

const VALID = { url: 'https://server.test', serviceSid: SERVICE_SID, identity: 'ada', transport: new FakeServer().transport };

/** What the constructor throws for these options beside valid ones. */
function messageFor(options: { [K in keyof ClientOptions]?: unknown }): string {
  try {
    void new Client({ ...VALID, ...options } as ClientOptions).shutdown();
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError);
    return (error as TypeError).message;
  }
  return 'accepted';
}

const namesIn = (message: string) => [...message.matchAll(/The option (\w+) must be/g)].map(([, name]) => name);

describe('Options', () => {
  it.each([
    ['url', ['', 'server.test', '127.0.0.1:5081', 'localhost:5081', 'ws://server.test', 'http://', 'http://server.test?a',
      'http://server.test#a', 'http://user@server.test', 'http://user:password@server.test', 'http://:password@server.test', 5081,
      null, undefined, new URL('http://server.test')]],
    ['serviceSid', ['', 'IS1', `${SERVICE_SID}0`, SERVICE_SID.replace('IS', 'US'), SERVICE_SID.replace('IS', 'is'), 1, null, undefined]],
    ['token', ['', 1, {}, false, null]],
    ['identity', ['', 'a\nb', 'x'.repeat(257), `US${'0'.repeat(32)}`, `US${'A'.repeat(32)}`, 1, {}, null]],
    ['transport', [{}, null, 'http', { unary: () => {} }]],
  ])('are rejected by name: %s', (option, values) => {
    for (const value of values) expect([value, namesIn(messageFor({ [option]: value }))]).toEqual([value, [option]]);
  });

  it.each([
    { url: 'https://server.test/presence/' },
    { url: 'http://[::1]:5081' },
    { serviceSid: SERVICE_SID.replace('1', 'A') },
    { token: () => accessToken('ada'), identity: undefined },
    { token: undefined, transport: undefined },
    { identity: '😀'.repeat(256) },
  ])('are accepted: %j', (options) => {
    expect(messageFor(options)).toBe('accepted');
  });

  it.each(['http://server.test', 'http://10.0.0.1:5081', 'http://localhost.server.test', 'http://127.server.test', 'http://[::2]'])(
    'are rejected where an access token would go without TLS to another machine: %s', async (url) => {
      const token = accessToken('ada');
      expect(namesIn(messageFor({ url, token }))).toEqual(['url']);
      expect(namesIn(messageFor({ url, token: () => token, allowCredentialsWithoutTls: false }))).toEqual(['url']);
      expect([messageFor({ url }), messageFor({ url, token, allowCredentialsWithoutTls: true })]).toEqual(['accepted', 'accepted']);
      // A client that began without a token.
      const client = new Client({ ...VALID, url });
      await expect(client.updateToken(token)).rejects.toThrow(/The option url must be an https URL/);
      await client.shutdown();
      const allowed = new Client({ ...VALID, url, allowCredentialsWithoutTls: true });
      await allowed.updateToken(token);
      await allowed.shutdown();
    });

  it.each([
    'https://server.test', 'http://localhost:5081', 'http://127.0.0.1:5081', 'http://127.1.2.3', 'http://127.1', 'http://[::1]:5081',
  ])(
    'are accepted with an access token for TLS and for loopback: %s', (url) => {
      expect(messageFor({ url, token: accessToken('ada') })).toBe('accepted');
    });

  it.each([null, 'true', 1])('are rejected by name: allowCredentialsWithoutTls with %j', (allowCredentialsWithoutTls) => {
    expect(namesIn(messageFor({ allowCredentialsWithoutTls }))).toEqual(['allowCredentialsWithoutTls']);
  });

  it('name the user, by a token or by themselves', () => {
    expect(namesIn(messageFor({ identity: undefined }))).toEqual(['identity']);
    expect(messageFor({ identity: undefined, token: accessToken('ada') })).toBe('accepted');
    expect(namesIn(messageFor({ identity: null, token: accessToken('ada') }))).toEqual(['identity']);
  });

  it('are rejected all at once, with what is expected and what was passed', () => {
    expect(messageFor({ url: '127.0.0.1:5081', serviceSid: 'IS1', token: 7, identity: '' })).toBe(
      'The option url must be an http or https URL without user, query and fragment, such as "http://127.0.0.1:5081"; '
      + 'it is "127.0.0.1:5081". '
      + 'The option serviceSid must be "IS" and 32 hexadecimal digits; it is "IS1". '
      + 'The option token must be an access token, or a function that returns one or a promise of one; it is a number. '
      + 'The option identity must be a text of 1 to 256 characters, without control characters, and not of the form of a SID; '
      + 'it is empty.');
  });

  it('do not show the password in a url', () => {
    expect(messageFor({ url: 'http://user:hunter2@server.test' })).not.toContain('hunter2');
  });

  it('are all named when all are null', () => {
    expect(namesIn(messageFor({ url: null, serviceSid: null, token: null, identity: null, transport: null })))
      .toEqual(['url', 'serviceSid', 'token', 'identity', 'transport']);
  });

  it('are needed', () => {
    for (const options of [undefined, null, 'http://server.test']) expect(() => new Client(options as never)).toThrow(TypeError);
  });

  it('are those of the construction, whatever becomes of the object', async () => {
    const options: ClientOptions = { ...VALID };
    const client = new Client(options);
    options.identity = 'bob';
    await vi.advanceTimersByTimeAsync(0);
    expect(client.user.identity).toBe('ada');
  });
});
