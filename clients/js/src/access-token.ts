/** What the client reads of an access token. The server alone verifies it. */
export interface AccessToken {
  readonly text: string;
  /** The end user; undefined in a text that is not an access token. */
  readonly identity: string | undefined;
  /** How long the token is valid from now on, in milliseconds, more than 0; undefined where the client cannot know. */
  readonly remainingMs: number | undefined;
}

/** Reads a token that was just received. */
export function readAccessToken(text: string): AccessToken {
  const { exp, iat, grants } = claimsOf(text);
  const identity = typeof grants?.identity === 'string' ? grants.identity : undefined;
  return { text, identity, remainingMs: typeof exp === 'number' ? remaining(exp, typeof iat === 'number' ? iat : undefined) : undefined };
}

// A device whose clock is wrong would otherwise renew without a pause, or never: no token is valid for longer than its lifetime, and a new
// one is not expired. Where neither says how long, the client waits until the server rejects the token.
function remaining(exp: number, iat: number | undefined): number | undefined {
  const byClock = exp * 1_000 - Date.now();
  const lifetime = iat === undefined ? Infinity : (exp - iat) * 1_000;
  const remainingMs = byClock > 0 && byClock < lifetime ? byClock : lifetime;
  return remainingMs > 0 && remainingMs < Infinity ? remainingMs : undefined;
}

interface Claims {
  exp?: unknown;
  iat?: unknown;
  grants?: { identity?: unknown };
}

function claimsOf(text: string): Claims {
  try {
    const bytes = Uint8Array.from(atob((text.split('.')[1] ?? '').replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0));
    return (JSON.parse(new TextDecoder().decode(bytes)) ?? {}) as Claims;
  } catch {
    return {};
  }
}
