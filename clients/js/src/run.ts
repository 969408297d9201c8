/** One run of a loop, from its start to its end. A loop that starts again has another run, so the former one cannot take it for its own. */
export class Run {
  readonly #abort = new AbortController();
  #wake: (() => void) | undefined;

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
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      timer = setTimeout(resolve, ms);
    });
    clearTimeout(timer);
  }

  wake(): void {
    this.#wake?.();
  }

  end(): void {
    this.#abort.abort();
    this.wake();
  }
}
