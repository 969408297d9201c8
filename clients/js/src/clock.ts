import { page } from './page.js';

/**
 * The time since it was made. The monotonic clock stands still in some browsers while the machine sleeps, and the wall clock can be set
 * back, so the larger advance of the two counts.
 */
export class Stopwatch {
  readonly #monotonic = performance.now();
  readonly #wall = Date.now();

  /** In milliseconds. */
  get elapsedMs(): number {
    return Math.max(performance.now() - this.#monotonic, Date.now() - this.#wall);
  }
}

// A timer does not run down while the machine sleeps, so a long one looks at the clocks this often. A timer of more than 24.8 days would
// run at once.
const LOOK_MS = 10_000;

// Each look is a timer that the one before sets. In a tab that has been hidden for minutes, Chromium runs such timers only once a minute:
// from the fifth in a row on by its documentation, from the seventh on as measured. So the 55 s to a hidden beat have two, and the
// repetition of a lost beat (its deadline, and the delay) is the fourth.
const HIDDEN_LOOK_MS = 30_000;

/**
 * Calls `act` once, after that many milliseconds. A sleep of the machine counts too, within 10 s of its end, or 30 s in a hidden tab.
 * Returns how to cancel it.
 */
export function after(ms: number, act: () => void): () => void {
  const stopwatch = new Stopwatch();
  let timer: ReturnType<typeof setTimeout>;
  const wait = (remaining: number) => {
    timer = setTimeout(look, Math.ceil(Math.min(remaining, page.isHidden ? HIDDEN_LOOK_MS : LOOK_MS)));
  };
  const look = () => {
    const remaining = ms - stopwatch.elapsedMs;
    if (remaining > 0) wait(remaining);
    else act();
  };
  wait(ms);
  return () => clearTimeout(timer);
}
