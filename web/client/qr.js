const SVG = "http://www.w3.org/2000/svg";
/** Modules of white around it, without which cameras do not find it (ISO/IEC 18004). */
const BORDER = 4;

/**
 * Draws a QR code: dark on white in both themes, since cameras expect it so.
 *
 * @param {readonly string[]} rows `1` for a dark module
 * @param {string} label what it is, for those who do not see it
 */
export function qrCode(rows, label) {
  const size = rows.length + 2 * BORDER;
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", `0 0 ${size} ${size}`);
  svg.setAttribute("class", "qr");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", label);
  svg.setAttribute("shape-rendering", "crispEdges");
  const path = document.createElementNS(SVG, "path");
  const runs = rows.flatMap((row, y) =>
    [...row.matchAll(/1+/g)].map(({ index, 0: run }) => `M${index + BORDER} ${y + BORDER}h${run.length}v1h-${run.length}z`),
  );
  path.setAttribute("d", runs.join(""));
  svg.append(path);
  return svg;
}
