export interface PageListener {
  /** The page was hidden or shown. */
  visibilityChanged(): void;
  /** The browser runs the page again, which it had frozen while it was hidden. */
  resumed(): void;
  /** The page is left: closed, reloaded or replaced by another. Nothing that waits is done any more. */
  left(): void;
  /** The page that was left is shown again, as it was. */
  restored(): void;
  /** The browser has a network again. */
  online(): void;
}

/** The page that the client runs in; in Node, a page that never changes. */
export const page = {
  get isHidden(): boolean {
    return globalThis.document?.visibilityState === 'hidden';
  },

  /** Calls the listener until the returned function is called. */
  listen(listener: PageListener): () => void {
    if (typeof globalThis.addEventListener !== 'function' || !globalThis.document) return () => {};
    const events: [EventTarget, string, (event: Event) => void][] = [
      [document, 'visibilitychange', () => listener.visibilityChanged()],
      [document, 'resume', () => listener.resumed()],
      [globalThis, 'pagehide', () => listener.left()],
      [globalThis, 'pageshow', (event) => { if ((event as PageTransitionEvent).persisted) listener.restored(); }],
      [globalThis, 'online', () => listener.online()],
    ];
    for (const [target, name, call] of events) target.addEventListener(name, call);
    return () => { for (const [target, name, call] of events) target.removeEventListener(name, call); };
  },
};
