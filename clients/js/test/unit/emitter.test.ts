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

  it.each([[undefined, 0, 0], ['changed', 0, 1]] as const)('removes all listeners of %s', (event, changed, ended) => {
    const emitter = create();
    const [onChanged, onEnded] = [vi.fn(), vi.fn()];
    emitter.on('changed', onChanged).on('ended', onEnded).removeAllListeners(event);
    emitter.emit('changed', 1);
    emitter.emit('ended');
    expect([onChanged.mock.calls.length, onEnded.mock.calls.length]).toEqual([changed, ended]);
  });
});
