type Listeners<Events> = { [K in keyof Events]?: Set<Entry> };

interface Entry {
  readonly listener: (...values: never[]) => void;
  readonly once: boolean;
}

/** An event on its way to those who listened when it was emitted. */
interface Delivery<Events> {
  readonly event: keyof Events;
  readonly values: readonly unknown[];
  readonly entries: readonly Entry[];
}

/** Lets listeners subscribe to named events, with the methods that the Conversations SDK has for it. */
export class Emitter<Events extends { [K in keyof Events]: (...values: never[]) => void }> {
  readonly #listeners: Listeners<Events> = {};
  // The event that is being delivered, and those that listeners caused meanwhile.
  #deliveries: Delivery<Events>[] = [];

  /** Calls the listener at each event of this name. */
  on<K extends keyof Events>(event: K, listener: Events[K]): this {
    return this.#add(event, { listener, once: false });
  }

  /** The same as `on`. */
  addListener<K extends keyof Events>(event: K, listener: Events[K]): this {
    return this.on(event, listener);
  }

  /** Calls the listener at the next event of this name only. */
  once<K extends keyof Events>(event: K, listener: Events[K]): this {
    return this.#add(event, { listener, once: true });
  }

  /** Stops calling the listener at events of this name. */
  off<K extends keyof Events>(event: K, listener: Events[K]): this {
    for (const entry of this.#listeners[event] ?? []) if (entry.listener === listener) this.#listeners[event]?.delete(entry);
    return this;
  }

  /** The same as `off`. */
  removeListener<K extends keyof Events>(event: K, listener: Events[K]): this {
    return this.off(event, listener);
  }

  /** Removes the listeners of one event, or of all. */
  removeAllListeners(event?: keyof Events): this {
    for (const name of event === undefined ? (Object.keys(this.#listeners) as (keyof Events)[]) : [event]) delete this.#listeners[name];
    return this;
  }

  /**
   * Calls the listeners. An event that one of them causes follows when all have got the present one: otherwise the others would get both in
   * the reverse order. An exception of one is reported as uncaught and stops neither the other listeners nor the client: its state would
   * otherwise depend on the code of the page.
   * @internal
   */
  emit<K extends keyof Events>(event: K, ...values: Parameters<Events[K]>): void {
    this.#deliveries.push({ event, values, entries: [...(this.#listeners[event] ?? [])] });
    if (this.#deliveries.length > 1) return;
    for (let next = this.#deliveries[0]; next; next = this.#deliveries[0]) {
      this.#deliver(next);
      this.#deliveries.shift();
    }
  }

  /**
   * Drops the events that wait for the present one.
   * @internal
   */
  dropWaiting(): void {
    this.#deliveries.splice(1);
  }

  #deliver({ event, values, entries }: Delivery<Events>): void {
    for (const entry of entries) {
      const listeners = this.#listeners[event];
      if (!listeners?.has(entry)) continue; // removed meanwhile
      if (entry.once) listeners.delete(entry);
      try {
        (entry.listener as (...values: readonly unknown[]) => void)(...values);
      } catch (error) {
        setTimeout(() => { throw error; });
      }
    }
  }

  #add(event: keyof Events, entry: Entry): this {
    (this.#listeners[event] ??= new Set()).add(entry);
    return this;
  }
}
