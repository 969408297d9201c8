import { describe, expect, it, vi } from 'vitest';
import { Emitter } from '../../src/emitter.js';

const create = () => new Emitter<{ changed: (value: number) => void; ended: () => void }>();

describe('Emitter', () => {
  it('calls listeners in their order, once or until they are removed', () => {
    const emitter = create();
    const seen: string[] = [];
    const second = (value: number) => seen.push(`second ${value}`);
    emitter.once('changed', (value) => seen.push(`first ${value}`)).addListener('changed', second).on('ended', () => seen.push('ended'));
    emitter.emit('changed', 1);
    emitter.emit('changed', 2);
    emitter.removeListener('changed', second);
    emitter.emit('changed', 3);
    emitter.emit('ended');
    expect(seen).toEqual(['first 1', 'second 1', 'second 2', 'ended']);
  });

  it('does not call a listener that is added by another one of the same event', () => {
    const emitter = create();
    const late = vi.fn();
    emitter.on('ended', () => emitter.on('ended', late));
    emitter.emit('ended');
    expect(late).not.toHaveBeenCalled();
  });

  it('calls a listener of the next event only once, with that event, if another listener causes one meanwhile', () => {
    const emitter = create();
    const seen: number[] = [];
    emitter.once('changed', () => emitter.emit('changed', 2)).once('changed', (value) => seen.push(value));
    emitter.emit('changed', 1);
    expect(seen).toEqual([1]);
  });

  it('calls all listeners in the order of the events, if one of them causes another event', () => {
    const emitter = create();
    const seen: string[] = [];
    emitter.on('changed', (value) => { if (value < 3) emitter.emit('changed', value + 1); else emitter.emit('ended'); });
    emitter.on('changed', (value) => seen.push(`${value}`)).on('ended', () => seen.push('ended'));
    emitter.emit('changed', 1);
    expect(seen).toEqual(['1', '2', '3', 'ended']);
  });

  it('does not call a listener that another one of the same event has removed', () => {
    const emitter = create();
    const removed = vi.fn();
    emitter.on('ended', () => emitter.off('ended', removed)).on('ended', removed);
    emitter.emit('ended');
    expect(removed).not.toHaveBeenCalled();
  });

  it('calls other listeners and emits later events after one has thrown', () => {
    vi.useFakeTimers();
    const emitter = create();
    const other = vi.fn();
    emitter.on('changed', () => { throw new Error('mine'); }).on('changed', other);
    emitter.emit('changed', 1);
    emitter.emit('changed', 2);
    expect(other.mock.calls).toEqual([[1], [2]]);
    expect(() => vi.runAllTimers()).toThrow('mine');
    vi.useRealTimers();
  });

  it.each([[undefined, 0, 0], ['changed', 0, 1]] as const)('removes all listeners of %s', (event, changed, ended) => {
    const emitter = create();
    const [onChanged, onEnded] = [vi.fn(), vi.fn()];
    emitter.on('changed', onChanged).on('ended', onEnded).removeAllListeners(event);
    emitter.emit('changed', 1);
    emitter.emit('ended');
    expect([onChanged.mock.calls.length, onEnded.mock.calls.length]).toEqual([changed, ended]);
  });
});
