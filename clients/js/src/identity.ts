// Identities have at most 256 characters: see presence.v1.User.
const LONGEST_IDENTITY = 256;
const NOT_IDENTITY = /[\p{Cc}\p{Cs}]|^US[0-9a-fA-F]{32}$/u;

/** What an identity is, as the end of a sentence. */
export const IDENTITY_FORM = `a text of 1 to ${LONGEST_IDENTITY} characters, without control characters, and not of the form of a SID`;

export function isIdentity(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && [...value].length <= LONGEST_IDENTITY && !NOT_IDENTITY.test(value);
}
