import { vi } from 'vitest';

/** A page around the client, whose events the test raises. Undone by vi.unstubAllGlobals. */
export class FakePage {
  readonly #window = new EventTarget();
  readonly #document = Object.assign(new EventTarget(), { visibilityState: 'visible' });
  readonly fetches: { url: string; init: RequestInit }[] = [];

  constructor() {
    vi.stubGlobal('document', this.#document);
    vi.stubGlobal('addEventListener', this.#window.addEventListener.bind(this.#window));
    vi.stubGlobal('removeEventListener', this.#window.removeEventListener.bind(this.#window));
    vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
      this.fetches.push({ url, init });
      return new Response();
    });
  }

  show(visibilityState: 'visible' | 'hidden'): void {
    this.#document.visibilityState = visibilityState;
    this.#document.dispatchEvent(new Event('visibilitychange'));
  }

  /** Runs the page again, which the browser had frozen. */
  thaw(): void {
    this.#document.dispatchEvent(new Event('resume'));
  }

  hide(): void {
    this.#window.dispatchEvent(new Event('pagehide'));
  }

  /** Shows the page again from the browser's cache of pages. */
  restore(): void {
    this.#window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
  }

  comeOnline(): void {
    this.#window.dispatchEvent(new Event('online'));
  }
}
