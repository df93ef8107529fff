/**
 * An EventTarget whose events are typed: `Events` maps each event's name to what its `detail` holds.
 *
 * @template {Record<string, unknown>} Events
 */
export class Emitter extends EventTarget {
  /**
   * Listens; returns a function that stops listening.
   *
   * @template {keyof Events & string} Type
   * @param {Type} type
   * @param {(detail: Events[Type]) => void} listener
   * @param {{ signal?: AbortSignal, once?: boolean }} [options]
   * @returns {() => void}
   */
  on(type, listener, options) {
    /** @param {Event} event */
    const handle = (event) => listener(/** @type {CustomEvent<Events[Type]>} */ (event).detail);
    this.addEventListener(type, handle, options);
    return () => this.removeEventListener(type, handle);
  }

  /**
   * @protected
   * @template {keyof Events & string} Type
   * @param {Type} type
   * @param {Events[Type]} detail
   */
  emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
