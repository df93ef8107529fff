/** Yes or no by measurements that vary: what it says changes once several in a row have said so. */
export class Verdict {
  #yes = false;
  #against = 0;

  get yes() {
    return this.#yes;
  }

  /**
   * Takes in what one measurement says.
   *
   * @param {boolean} says
   * @param {number} sure measurements in a row that have to say so
   * @returns {boolean} whether the verdict has changed
   */
  take(says, sure) {
    this.#against = says === this.#yes ? 0 : this.#against + 1;
    if (this.#against < sure || says === this.#yes) return false;
    this.#yes = says;
    this.#against = 0;
    return true;
  }
}
