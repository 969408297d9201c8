// Which nodes have a fault now, and since when the others are well. Bounds of time hold only for what is well.
export class Trouble {
  #unwell = new Map(); // by index of a node, the number of its faults
  #since = new Map();
  #began = performance.now();

  begin(indices) {
    for (const index of indices) this.#unwell.set(index, (this.#unwell.get(index) ?? 0) + 1);
  }

  // `afterMs`: how long clients may still suffer from it.
  end(indices, afterMs = 0) {
    for (const index of indices) {
      const left = this.#unwell.get(index) - 1;
      if (left > 0) this.#unwell.set(index, left);
      else this.#unwell.delete(index);
      this.#since.set(index, performance.now() + afterMs);
    }
  }

  // Since when this node is well, or all nodes are without an index; infinite while one is not.
  wellSince(index) {
    if (index !== undefined) return this.#unwell.has(index) ? Infinity : this.#since.get(index) ?? this.#began;
    return this.#unwell.size > 0 ? Infinity : Math.max(this.#began, ...this.#since.values());
  }
}
