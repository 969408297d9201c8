// Counts and latencies of a run, by name.
export class Figures {
  #counts = new Map();
  #times = new Map();

  count(name, by = 1) {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + by);
  }

  countOf(name) {
    return this.#counts.get(name) ?? 0;
  }

  time(name, ms) {
    const times = this.#times.get(name);
    if (times) times.push(ms);
    else this.#times.set(name, [ms]);
  }

  // The time that this share of the times of a name does not exceed; 0 without any.
  at(name, share) {
    const times = (this.#times.get(name) ?? [0]).toSorted((a, b) => a - b);
    return Math.round(times[Math.min(times.length - 1, Math.floor(share * times.length))]);
  }

  // Prints everything as comments of the Test Anything Protocol, and begins again.
  print(title) {
    console.log(`# ${title}`);
    for (const [name, count] of [...this.#counts].sort()) console.log(`#   ${name}: ${count}`);
    for (const [name, times] of [...this.#times].sort()) {
      const [p50, p99, max] = [0.5, 0.99, 1].map((share) => this.at(name, share));
      console.log(`#   ${name}: ${times.length} times, p50 ${p50} ms, p99 ${p99} ms, max ${max} ms`);
    }
    this.#counts.clear();
    this.#times.clear();
  }
}
