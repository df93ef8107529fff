/** Numbers and times as the user's language writes them. */
import { language } from "../i18n.js";

const whole = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat(language, { maximumSignificantDigits: 3 });
const percents = new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });

/** @param {number} value */
export const count = (value) => whole.format(value);

/** @param {number} value from 0 to 1 */
export const percent = (value) => percents.format(value);

/** @param {number} seconds */
export const milliseconds = (seconds) => `${short.format(seconds * 1000)} ms`;

/** @param {number} bytes per second */
export function bits(bytes) {
  const value = bytes * 8;
  const [size, unit] = value >= 1e9 ? [1e9, "Gbit/s"] : value >= 1e6 ? [1e6, "Mbit/s"] : [1e3, "kbit/s"];
  return `${short.format(value / size)} ${unit}`;
}

/** @param {number} value per second */
export const perSecond = (value) => `${short.format(value)} /s`;

/** @param {number} at seconds since the epoch */
export function time(at) {
  const then = new Date(at * 1000);
  const today = new Date().toDateString() === then.toDateString();
  return today ? clock.format(then) : `${day.format(then)} ${clock.format(then)}`;
}

/** @param {number} seconds */
export function duration(seconds) {
  const minutes = Math.floor(Math.max(0, seconds) / 60);
  if (minutes < 60) return minutes === 0 ? `${Math.floor(Math.max(0, seconds))} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
