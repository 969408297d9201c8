/** What the client reads of an access token. The server alone verifies it. */
export interface AccessToken {
  readonly text: string;
  /** The end user; undefined in a text that is not an access token. */
  readonly identity: string | undefined;
  /** How long the token is valid from now on, in milliseconds; undefined without an expiry. */
  readonly remainingMs: number | undefined;
}

/** Reads a token that was just received. */
export function readAccessToken(text: string): AccessToken {
  const { exp, iat, grants } = claimsOf(text);
  const identity = typeof grants?.identity === 'string' ? grants.identity : undefined;
  return { text, identity, remainingMs: typeof exp === 'number' ? remaining(exp, typeof iat === 'number' ? iat : undefined) : undefined };
}

// A device whose clock is wrong would otherwise renew without a pause, or never: no token is valid for longer than its lifetime, and a new
// one is not expired.
function remaining(exp: number, iat: number | undefined): number {
  const byClock = exp * 1_000 - Date.now();
  if (iat === undefined) return Math.max(0, byClock);
  const lifetime = Math.max(0, (exp - iat) * 1_000);
  return byClock > 0 && byClock < lifetime ? byClock : lifetime;
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
