import { after } from './clock.js';

/** One run of a loop, from its start to its end. A loop that starts again has another run, so the former one cannot take it for its own. */
export class Run {
  readonly #abort = new AbortController();
  readonly #sleepers = new Set<() => void>();

  /** Aborts the calls of the run at its end. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isOver(): boolean {
    return this.#abort.signal.aborted;
  }

  /** Waits that long, in milliseconds, or until `wake` or `end`. */
  async sleep(ms: number): Promise<void> {
    if (this.isOver) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        cancel();
        this.#sleepers.delete(wake);
        resolve();
      };
      const cancel = after(ms, wake);
      this.#sleepers.add(wake);
    });
  }

  wake(): void {
    for (const wake of [...this.#sleepers]) wake();
  }

  end(): void {
    this.#abort.abort();
    this.wake();
  }
}
