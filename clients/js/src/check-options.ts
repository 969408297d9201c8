import { IDENTITY_FORM, isIdentity } from './identity.js';
import type { ClientOptions } from './options.js';
import { isConfidential } from './tls.js';

type Values = { readonly [K in keyof ClientOptions]?: unknown };

interface Rule {
  readonly option: keyof ClientOptions;
  readonly isMet: (value: unknown, values: Values) => boolean;
  readonly expected: string;
}

const RULES: readonly Rule[] = [
  {
    option: 'url',
    isMet: isServerUrl,
    expected: 'an http or https URL without user, query and fragment, such as "http://127.0.0.1:5081"',
  },
  { option: 'serviceSid', isMet: isServiceSid, expected: '"IS" and 32 hexadecimal digits' },
  {
    option: 'url',
    isMet: (value, { token, allowCredentialsWithoutTls }) =>
      token == null || allowCredentialsWithoutTls === true || !isServerUrl(value) || isConfidential(value as string),
    expected: 'an https URL or one of loopback for an access token, unless allowCredentialsWithoutTls is true',
  },
  { option: 'allowCredentialsWithoutTls', isMet: (value) => ['undefined', 'boolean'].includes(typeof value), expected: 'true or false' },
  {
    option: 'token',
    isMet: (value) => value === undefined || typeof value === 'function' || (typeof value === 'string' && value !== ''),
    expected: 'an access token, or a function that returns one or a promise of one',
  },
  { option: 'identity', isMet: (value) => value === undefined || isIdentity(value), expected: IDENTITY_FORM },
  {
    option: 'identity',
    isMet: (value, { token }) => !(value === undefined && token === undefined),
    expected: 'the own user, because there is no token that names it',
  },
  { option: 'transport', isMet: (value) => value === undefined || isTransport(value), expected: 'a Connect transport' },
];

// Long values, those of a token, and the password in a URL do not belong into a log.
const SHOWN_LENGTH = 60;

/**
 * Checks the options of a client, so that a mistake is an exception where it was made, and not a connection that never comes.
 * @throws TypeError that names each option that is missing or of another form.
 */
export function checkOptions(options: unknown): asserts options is ClientOptions {
  if (typeof options !== 'object' || options === null) throw new TypeError('A client needs options: { url, serviceSid, … }.');
  const values = options as Values;
  const violations = RULES.filter(({ option, isMet }) => !isMet(values[option], values));
  if (violations.length === 0) return;
  throw new TypeError(violations
    .map(({ option, expected }) => `The option ${option} must be ${expected}; it is ${show(option, values[option])}.`).join(' '));
}

function isServerUrl(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  try {
    const { protocol, username, password, search, hash } = new URL(value);
    return (protocol === 'http:' || protocol === 'https:') && username + password + search + hash === '';
  } catch {
    return false;
  }
}

function isServiceSid(value: unknown): boolean {
  return typeof value === 'string' && /^IS[0-9a-fA-F]{32}$/.test(value);
}

function isTransport(value: unknown): boolean {
  const { unary, stream } = (value ?? {}) as { unary?: unknown; stream?: unknown };
  return typeof unary === 'function' && typeof stream === 'function';
}

function show(option: keyof ClientOptions, value: unknown): string {
  if (typeof value !== 'string') return value === null ? 'null' : Array.isArray(value) ? 'an array' : ofType(typeof value);
  if (value === '') return 'empty';
  const isSecret = option === 'token' || (option === 'url' && value.includes('@'));
  return isSecret || value.length > SHOWN_LENGTH ? `a text of ${value.length} characters` : JSON.stringify(value);
}

function ofType(type: string): string {
  return type === 'undefined' ? 'missing' : type === 'object' ? 'an object' : `a ${type}`;
}
