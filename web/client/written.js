/** What no eye sees and the bridge refuses: control and direction characters, which come along with what is pasted. */
const UNSEEN = /(?![\n\u200c\u200d\u200e\u200f\u061c])[\p{Cc}\p{Cf}]/gu;

/**
 * What somebody wrote or pasted, as it can be sent: cells of a table with blanks between them, a telephone number without the
 * marks that an address book puts around it.
 *
 * @param {string} text
 */
export function written(text) {
  return text
    .replaceAll(/\r\n?|[\u2028\u2029]/g, "\n")
    .replaceAll("\t", " ")
    .replaceAll(UNSEEN, "")
    .trim();
}
